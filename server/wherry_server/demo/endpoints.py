"""`/api/demo/...`: what the page asks beside the jobs themselves."""

from __future__ import annotations

import json
import platform
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import wherry
from wherry import Client
from wherry.errors import MalformedRequest
from wherry.examples.library import index as index_task
from wherry.examples.sources import library_modules, shore
from wherry.storage.protocol import Storage
from wherry_server.auth import Scope, Tokens, require
from wherry_server.bodies import read_object
from wherry_server.demo.crew import CONCURRENCY, LEASE_S, Crew
from wherry_server.demo.index import RUN_PREFIX, IndexBook
from wherry_server.demo.pages import TASK_MODULES, python_files
from wherry_server.demo.site import Site
from wherry_server.demo.tasks import task_facts
from wherry_server.problems import answer

_MAX_BODY = 2**20
_MOST_FOUND = 1000

Handle = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Demo:
    """What the endpoints tell of."""

    storage: Storage
    data: Path
    site: Site
    crew: Crew
    tokens: Tokens

    def status(self) -> dict[str, Any]:
        return {
            "site": self.site.status(),
            "worker": self.crew.status(),
            "now_ms": time.time_ns() // 1_000_000,
        }


def routes(demo: Demo) -> list[Route]:
    """The endpoints; all but `status` want the token."""
    book = IndexBook(demo.storage)

    async def status(_: Request) -> Response:
        return _json(demo.status())

    async def info(_: Request) -> Response:
        return _json({**demo.status(), **facts(demo)})

    async def kill(_: Request) -> Response:
        return _json(await demo.crew.kill())

    async def start_index(request: Request) -> Response:
        modules = _modules(await read_object(request, _MAX_BODY))
        run_id = RUN_PREFIX + secrets.token_hex(6)
        await Client(demo.storage).submit_many(index_task, modules, run_id=run_id)
        return _json({"run_id": run_id, "jobs": len(modules)}, 201)

    async def show_index(request: Request) -> Response:
        query = request.query_params
        index = await book.find(query.get("run_id"))
        return _json(await index.document(query.get("q"), _limit(query.get("limit", "50"))))

    return [
        _route("GET", "status", status, demo.tokens, None),
        _route("GET", "info", info, demo.tokens, "observe"),
        _route("POST", "kill-worker", kill, demo.tokens, "operate"),
        _route("POST", "index", start_index, demo.tokens, "submit"),
        _route("GET", "index.json", show_index, demo.tokens, "observe"),
    ]


def facts(demo: Demo) -> dict[str, Any]:
    """What does not change while the demo runs."""
    return {
        "wherry": wherry.__version__,
        "python": platform.python_version(),
        "implementation": shore(),
        "storage": demo.storage.url.partition(":")[0],
        "storage_url": demo.storage.url,
        "data_dir": str(demo.data),
        "lease_ms": round(LEASE_S * 1000),
        "concurrency": CONCURRENCY,
        "modules": library_modules(),
        "tasks": task_facts(),
        "python_files": list(python_files()),
        "python_modules": [module.__name__ for module in TASK_MODULES],
    }


def _route(method: str, name: str, handle: Handle, tokens: Tokens, scope: Scope | None) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            if scope is not None:
                require(tokens.scopes_of(request.headers.get("authorization")), scope)
            return await handle(request)
        except Exception as error:
            return answer(error)

    return Route(f"/api/demo/{name}", endpoint, methods=[method])


def _json(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, headers={"Cache-Control": "no-store"})


def _modules(body: dict[str, Any]) -> Sequence[str]:
    known = library_modules()
    given = body.get("modules")
    if given is None:
        return known
    if not isinstance(given, list) or not all(isinstance(name, str) for name in cast("list[Any]", given)):
        raise MalformedRequest(f"modules: must be a list of module names, not {json.dumps(given)[:100]}")
    return cast("list[str]", given)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_FOUND:
        raise MalformedRequest(f"limit: must be from 1 to {_MOST_FOUND}")
    return int(text)
