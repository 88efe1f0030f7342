"""A served memory store for each test, with one token a scope and one that has all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.server.loopback import loopback
from wherry.clock import ManualClock
from wherry.messages import Filter, NewJob, RecordWrite
from wherry.storage.memory import MemoryStorage
from wherry_server import Limits, create_app
from wherry_server.auth import SCOPES

ALL = "token-all"
TOKENS = {ALL: SCOPES} | {f"token-{scope}": (scope,) for scope in SCOPES}
LIMITS = Limits(max_body=200_000, heartbeat_s=0.2, max_wait_s=5.0, send_timeout_s=1.0)


@dataclass
class Site:
    """A store and the app that serves it."""

    storage: MemoryStorage
    clock: ManualClock
    app: Starlette
    url: str = ""

    async def ids(self) -> list[str]:
        """Everything that is stored."""
        rows, _ = await self.storage.query(Filter(oldest_first=True), limit=1000)
        return [row.id for row in rows]


def job(job_id: str, **fields: Any) -> NewJob:
    usual: dict[str, Any] = {"namespace": "", "queue": "q", "task": "t", "input": "null"}
    return NewJob(job_id, **(usual | fields))


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    clock = ManualClock()
    async with MemoryStorage("served", clock=clock) as storage:
        app = create_app(storage, tokens=TOKENS, cors=["https://app.example"], limits=LIMITS)
        with loopback().mounted(app) as url:
            yield Site(storage, clock, app, url)


@pytest.fixture
async def http(site: Site) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with every scope."""
    async with client(site.url) as found:
        yield found


def client(url: str, token: str | None = ALL) -> httpx.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=20, trust_env=False)


@pytest.fixture
def sync_http(site: Site) -> Generator[httpx.Client]:
    with httpx.Client(
        base_url=site.url, headers={"Authorization": f"Bearer {ALL}"}, timeout=20, trust_env=False
    ) as found:
        yield found


def manifest(name: str, **facts: Any) -> RecordWrite:
    """The record by which a worker tells of its task."""
    import json

    usual: dict[str, Any] = {
        "name": name,
        "queue": "text",
        "max_attempts": 3,
        "backoff": "{}",
        "timeout_ms": None,
        "priority": 0,
        "place": "either",
        "tags": [],
        "code_hash": "",
        "schema": {"type": "string"},
    }
    return RecordWrite("task", name, None, json.dumps(usual | facts))
