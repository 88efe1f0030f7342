"""Every storage that pytest can open, each as an empty world with a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from wherry.clock import ManualClock
from wherry.storage.memory import MemoryStorage
from wherry.testing.conformance import World

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
