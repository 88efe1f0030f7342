"""Every refusal as RFC 9457 problem+json: `{type, title, status, detail, code, ...data}`."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from wherry.errors import StorageError, Unauthorized, WherryError
from wherry.storage.faults import error_data

log = logging.getLogger("wherry.server")

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[str, int] = {
    "malformed_request": 400,
    "not_json": 400,
    "unsupported_by_storage": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "unknown_task": 404,
    "job_not_found": 404,
    "payload_too_large": 413,
    "invalid_input": 422,
    "storage_unavailable": 503,
}
"""By error code; other storage errors are 500, all others 400."""

_RESERVED = frozenset({"type", "title", "status", "detail", "code"})

_OF_ROUTING: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "nothing is at {path}: see /api/openapi.json for what there is."),
    405: ("method_not_allowed", "{path} does not take {method}: use {allow}."),
}


class Refusal(WherryError):
    """A refusal that only HTTP knows, such as a body over the limit."""

    def __init__(self, status: int, code: str, message: str, **data: object) -> None:
        super().__init__(message)
        self.code = code
        self._status = status
        vars(self).update(data)

    @property
    def status(self) -> int:
        return self._status


def status_of(error: WherryError) -> int:
    """The HTTP status that says the same as the error's code."""
    if isinstance(error, Refusal):
        return error.status
    return STATUS.get(error.code, 500 if isinstance(error, StorageError) else 400)


def answer(error: Exception) -> Response:
    """The response to a request that failed; what is no WherryError is logged and says nothing of itself."""
    if isinstance(error, WherryError):
        return _problem(status_of(error), error.code, str(error), error_data(error), _headers(error))
    log.error("a request failed", exc_info=error)
    return _problem(500, "internal", "the server failed on this request: its log says why.", {}, {})


def _headers(error: WherryError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": 'Bearer realm="wherry"'}
    return {"Retry-After": "1"} if status_of(error) == 503 else {}


async def answer_routing(request: Request, error: Exception) -> Response:
    """The response where no route fits; an exception handler of Starlette."""
    assert isinstance(error, HTTPException)
    code, text = _OF_ROUTING.get(error.status_code, ("http_error", error.detail))
    headers = dict(error.headers or {})
    detail = text.format(
        path=request.url.path, method=request.method, allow=headers.get("Allow", "another method")
    )
    return _problem(error.status_code, code, detail, {}, headers)


def _problem(
    status: int, code: str, detail: str, data: Mapping[str, object], headers: Mapping[str, str]
) -> Response:
    document = {
        "type": f"urn:wherry:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
    } | {name: value for name, value in data.items() if name not in _RESERVED}
    # ASCII: a text that quotes the request may hold half of a surrogate pair, which UTF-8 cannot carry.
    return Response(json.dumps(document), status, {"Cache-Control": "no-store", **headers}, MEDIA_TYPE)
