"""Tasks and helpers for tests of the client, the worker and the server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from wherry import Backoff, Client, Context, PermanentError, Server, Snooze, Task, open_storage, task
from wherry.messages import ClaimRequest
from wherry.storage.protocol import Storage


class Gates:
    """Events that tests and the handlers they run meet at, by name; thread-safe on the handler's side."""

    def __init__(self) -> None:
        self.entered: dict[str, threading.Event] = {}
        self.opened: dict[str, threading.Event] = {}

    def at(self, name: str) -> tuple[threading.Event, threading.Event]:
        return self.entered.setdefault(name, threading.Event()), self.opened.setdefault(
            name, threading.Event()
        )

    async def wait_entered(self, name: str) -> None:
        assert await asyncio.to_thread(self.at(name)[0].wait, 10), f"no handler reached {name!r}"

    def open(self, name: str) -> None:
        self.at(name)[1].set()


GATES = Gates()


@task(name="text.count")
async def count_words(text: str, context: Context) -> int:
    context.progress(50, "halfway", {"stage": "counting"})
    return len(text.split())


@task
def add_one(number: int) -> int:
    return number + 1


@task
async def hold(name: str) -> str:
    """Wait at a gate, as a coroutine."""
    entered, opened = GATES.at(name)
    entered.set()
    await asyncio.to_thread(opened.wait, 30)
    return name


@task
async def hold_for_ever(name: str) -> str:
    """Wait without end; `left` tells that it was stopped."""
    GATES.at(name)[0].set()
    try:
        await asyncio.Event().wait()
    finally:
        GATES.at(f"{name} left")[0].set()
    return name


@task
def hold_in_thread(name: str, context: Context) -> str:
    """Wait at a gate in a thread, or until asked to stop."""
    entered, opened = GATES.at(name)
    entered.set()
    while not opened.wait(0.01):
        if context.cancelled:
            raise RuntimeError("saw that it was cancelled")
    return name


@task
async def block(seconds: float) -> str:
    """Block the event loop, as careless code does."""
    time.sleep(seconds)  # noqa: ASYNC251 - blocking is the case
    return "unblocked"


@task(max_attempts=2, retry=Backoff(first=0.01, jitter=0))
async def always_fail(message: str) -> None:
    raise ValueError(message)


@task(max_attempts=3, retry=Backoff(first=0.01, jitter=0))
async def fail_twice(message: str, context: Context) -> int:
    if context.attempt < 3:
        raise OSError(message)
    return context.attempt


@task
async def give_up(message: str) -> None:
    raise PermanentError(message)


@task
async def snooze_once(key: str, context: Context) -> int:
    entered, _ = GATES.at(key)
    if not entered.is_set():
        entered.set()
        raise Snooze(0.01)
    return context.attempt


@task
async def wrong_output(value: Any) -> int:
    return value


@task
async def submit_another(text: str, context: Context) -> str:
    handle = await context.submit(count_words, text)
    context.log("submitted", child=handle.id)
    return str(handle.id)


ALL: list[Task[Any, Any]] = [
    *(count_words, add_one, hold, hold_for_ever, hold_in_thread, block),
    *(always_fail, fail_twice, give_up, snooze_once, wrong_output, submit_another),
]


@asynccontextmanager
async def running(url: str = "memory:", **options: Any) -> AsyncIterator[tuple[Client, Server]]:
    """A client attached to a running server."""
    async with open_storage(url) as storage, Server(storage, ALL, **options) as server:
        yield attached(storage, server), server


def attached(storage: Storage, server: Server) -> Client:
    client = Client(storage)
    client.attach(server)
    return client


async def claim(client: Client, name: str, number: int = 1) -> None:
    """Take jobs of a task, as a worker `w1` would."""
    request = ClaimRequest(f"token {name} {number}", "w1", ("",), None, (name,), number, 30_000)
    await client.storage.exchange([], request)
