"""The one table of operations: routes and the OpenAPI document are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_origin

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wherry.errors import MalformedRequest
from wherry.storage.shapes import REQUIRED, Field, Misfit, Shape, read_fields, shape
from wherry_server.auth import Scope, Scopes, require
from wherry_server.bodies import read_object
from wherry_server.problems import answer
from wherry_server.service import Service

API = "/api/v1"


class Call(NamedTuple):
    """One authorized request."""

    service: Service
    request: Request
    scopes: Scopes

    def query(self, fields: Sequence[Field]) -> dict[str, Any]:
        """The query string's parameters, checked.  Raises: `MalformedRequest`."""
        given = self.request.query_params
        _refuse_others("the query", given, fields)
        return _checked("the query", fields, {name: given.getlist(name) for name in given})

    async def body(self, fields: Sequence[Field]) -> dict[str, Any]:
        """The body's members, checked.  Raises: `MalformedRequest`, `Refusal`."""
        found = await read_object(self.request, self.service.limits.max_body)
        _refuse_others("the body", found, fields)
        return _checked("the body", fields, found)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: Literal["GET", "POST"]
    path: str
    name: str
    """Unique; the `operationId` of the OpenAPI document."""
    handle: Handler
    summary: str
    scopes: tuple[Scope, ...] | None = ()
    """One of these is needed; (): any token; None: no token."""
    answer: Any = None
    """The annotation or schema of what a success returns."""
    status: int = 200
    media_type: str = "application/json"
    description: str = ""
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    listed: bool = True
    """Shown in the OpenAPI document."""

    async def carry_out(self, service: Service, request: Request) -> Response:
        """Authorize, then handle.  Raises: WherryError."""
        scopes: Scopes = frozenset()
        if self.scopes is not None:
            scopes = service.tokens.scopes_of(request.headers.get("authorization"))
            if self.scopes:
                require(scopes, *self.scopes)
        response = await self.handle(Call(service, request, scopes))
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def routes(service: Service, operations: Iterable[Operation], prefix: str) -> list[Route]:
    """One route a path below `prefix`, so that a wrong method is told which are right."""
    by_path: dict[str, dict[str, Operation]] = {}
    for one in operations:
        by_path.setdefault(one.path, {})[one.method] = one
    return [_route(service, path.removeprefix(prefix), methods) for path, methods in by_path.items()]


def _route(service: Service, path: str, methods: Mapping[str, Operation]) -> Route:
    async def endpoint(request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" else request.method]
        # Every failure is answered here: what is no WherryError is logged and answered as a 500.
        try:
            return await operation.carry_out(service, request)
        except Exception as error:
            return answer(error)

    return Route(path, endpoint, methods=list(methods))


def parameter(name: str, hint: Any, default: Any = REQUIRED) -> Field:
    """A parameter of the query string: text, a number, true or false, or a list as repeated parameters."""
    inner = shape(hint)
    many = get_origin(hint) is Sequence
    parse = _PARSERS.get(hint, _as_it_is)

    def read(texts: Any) -> Any:
        return inner.read(list(texts) if many else parse(texts[-1]))

    return Field(name, hint, default, Shape(read))


def _as_it_is(text: str) -> object:
    return text


def _whole(text: str) -> object:
    # int() of thousands of digits is slow, and no number that fits has so many.
    return int(text) if len(text) < 20 and text.removeprefix("-").isdecimal() else text


def _decimal(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _truth(text: str) -> object:
    return {"true": True, "false": False}.get(text, text)


_PARSERS: Mapping[Any, Callable[[str], object]] = {int: _whole, float: _decimal, bool: _truth}


def _refuse_others(what: str, given: Iterable[str], fields: Sequence[Field]) -> None:
    """A name that is not known is a slip of the caller: better told than ignored."""
    known = [one.name for one in fields]
    for name in given:
        if name not in known:
            raise MalformedRequest(
                f"{what} has {name!r}, which is not known here: use {', '.join(known) or 'nothing'}."
            )


def _checked(what: str, fields: Sequence[Field], values: Mapping[str, object]) -> dict[str, Any]:
    try:
        return read_fields(fields, values)
    except Misfit as misfit:
        raise MalformedRequest(f"{what}: {misfit}") from None
