"""`create_app`: the Starlette app over one storage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

import wherry
from wherry.client import Attachable
from wherry.storage.protocol import Storage
from wherry.task import Registry, Task
from wherry_server import events, rest, verbs
from wherry_server.assets import Assets
from wherry_server.auth import Tokens
from wherry_server.guard import Guard
from wherry_server.openapi import document
from wherry_server.operations import Operation, routes
from wherry_server.problems import answer_routing
from wherry_server.service import Limits, Service

_PREFIX = "/api"


def create_app(
    storage: Storage,
    *,
    tokens: Mapping[str, Iterable[str]] | None,
    cors: Collection[str] = (),
    tasks: Iterable[Task[Any, Any]] = (),
    server: Attachable | None = None,
    static: str | Path | None = None,
    hosts: Collection[str] = (),
    limits: Limits | None = None,
) -> Starlette:
    """An app to run, or to mount in another ASGI app.

    Args:
        storage: an entered storage; the caller leaves it after the app has stopped.
        tokens: scopes (`observe submit work operate`) by bearer token.  None or empty asks for no
            token: for tests in one process; `wherry_server.serving` refuses it elsewhere than on loopback.
        cors: origins whose pages may call, such as `https://example.org`.
        tasks: tasks whose types check what is submitted; others are checked by the storage's manifest.
        server: a server in this process, whose tasks are known as well.
        static: a folder to serve at `/`.
        hosts: names besides localhost under which an app on loopback may be called, as by a proxy.
        limits: sizes and times of one request.

    Raises: `InvalidInput` (a token or scope that cannot be), `DuplicateTask`.
    """
    known = Registry(tasks)
    for task in server.registry if server is not None else ():
        known.add(task)
    service = Service(storage, Tokens(tokens), limits or Limits(), tuple(known))
    app = Starlette(
        routes=_routes(service, static),
        middleware=[_cors(cors), Middleware(Guard, hosts=tuple(hosts))],
        exception_handlers={HTTPException: answer_routing},
    )
    app.state.service = service
    return app


def table() -> list[Operation]:
    """Every operation of the API."""
    return [*rest.OPERATIONS, *events.OPERATIONS, *verbs.operations()]


def _routes(service: Service, static: str | Path | None) -> list[BaseRoute]:
    operations = table()
    described = document(operations, wherry.__version__)

    async def openapi(_: Request) -> Response:
        return JSONResponse(described)

    # A mount of its own, so that a wrong method or path below it is never looked for among the assets.
    api = Mount(_PREFIX, routes=[*routes(service, operations, _PREFIX), Route("/openapi.json", openapi)])
    return [api] if static is None else [api, Mount("/", Assets(directory=static, html=True), name="static")]


def _cors(origins: Collection[str]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=tuple(origins),
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization", "Content-Type", "Last-Event-ID"),
        expose_headers=("Location", "Retry-After", "WWW-Authenticate"),
        allow_private_network=True,
    )
