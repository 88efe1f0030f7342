"""Every storage that pytest can open, each as an empty world with a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server.loopback import loopback
from wherry.clock import ManualClock
from wherry.storage.http import HTTPStorage
from wherry.storage.joined import JoinedStorage
from wherry.storage.memory import MemoryStorage
from wherry.storage.sqlite import SQLiteStorage
from wherry.testing.conformance import World
from wherry_server import Limits
from wherry_server.app import create_app

TOKEN = "a-token-for-tests-0123456789abcdef"

OpenWorld = Callable[[], AbstractAsyncContextManager[World]]

HARNESSES: dict[str, OpenWorld] = {}


def harness(name: str) -> Callable[[OpenWorld], OpenWorld]:
    """Register a way to open an empty store under the name that its test ids bear."""

    def register(open_world: OpenWorld) -> OpenWorld:
        HARNESSES[name] = open_world
        return open_world

    return register


@harness("memory")
@asynccontextmanager
async def memory() -> AsyncGenerator[World]:
    """Another process cannot open it, another thread can: the second opening is a fork."""
    clock = ManualClock()
    async with MemoryStorage("test", clock=clock) as storage:
        yield World(storage, clock, storage.fork)


@harness("sqlite")
@asynccontextmanager
async def sqlite() -> AsyncGenerator[World]:
    """A file of its own for each case; the second opening has a connection and a thread of its own."""
    clock = ManualClock()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        async with SQLiteStorage(path, clock=clock) as storage:
            yield World(storage, clock, lambda: SQLiteStorage(path, clock=clock))


@harness("http")
@asynccontextmanager
async def http() -> AsyncGenerator[World]:
    """A real server on loopback, in a thread of its own: only the clock is shared with it."""
    clock = ManualClock()
    tokens = {TOKEN: ("observe", "submit", "work", "operate")}
    async with MemoryStorage("served", clock=clock) as served:
        with loopback().mounted(create_app(served, tokens=tokens, limits=Limits(grace_s=0))) as url:
            async with HTTPStorage(url, token=TOKEN) as storage:
                yield World(storage, clock, lambda: HTTPStorage(url, token=TOKEN))


@harness("joined_memory")
@asynccontextmanager
async def joined_memory() -> AsyncGenerator[World]:
    """Group commit where a call never waits."""
    clock = ManualClock()
    async with JoinedStorage(MemoryStorage("joined", clock=clock)) as storage:
        yield World(storage, clock, storage.fork)


@harness("joined_sqlite")
@asynccontextmanager
async def joined_sqlite() -> AsyncGenerator[World]:
    """Group commit where calls do wait for each other; each opening joins its own."""
    clock = ManualClock()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        async with JoinedStorage(SQLiteStorage(path, clock=clock)) as storage:
            yield World(storage, clock, lambda: JoinedStorage(SQLiteStorage(path, clock=clock)))
