"""Requests as text and values: size, encoding and media type are checked before anything is parsed."""

from __future__ import annotations

from typing import Any, cast

from starlette.requests import Request

from wherry.errors import MalformedRequest
from wherry.storage.shapes import Misfit
from wherry.storage.wire import load
from wherry_server.problems import Refusal


async def read_text(request: Request, max_body: int) -> str:
    """The JSON text of a request.

    Raises: `Refusal` (`unsupported_media_type`, `body_too_large`), `MalformedRequest`.
    """
    _check_media_type(request)
    declared = request.headers.get("content-length", "")
    # Longer than 20 digits is no honest length, and int() of thousands of digits is slow.
    if declared.isascii() and declared.isdecimal() and (len(declared) > 20 or int(declared) > max_body):
        raise _too_large(max_body)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > max_body:
            raise _too_large(max_body)
        parts.append(part)
    try:
        return b"".join(parts).decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"the body is not UTF-8: {error.reason} at byte {error.start}.") from None


async def read_object(request: Request, max_body: int) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty object."""
    if request.headers.get("content-length") == "0" or not _has_body(request):
        return {}
    text = await read_text(request, max_body)
    try:
        value = load(text)
    except Misfit as misfit:
        raise MalformedRequest(f"the body {misfit}") from None
    if not isinstance(value, dict):
        raise MalformedRequest("the body must be a JSON object.")
    return cast("dict[str, Any]", value)


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(
            415, "unsupported_media_type", f"the body is {media_type or 'of no type'}: send application/json."
        )


def _too_large(max_body: int) -> Refusal:
    return Refusal(
        413,
        "body_too_large",
        f"the body is over the limit of {max_body} bytes: send fewer jobs at once.",
        limit=max_body,
    )
