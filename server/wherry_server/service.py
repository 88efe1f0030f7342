"""What the operations of one app share: the storage, who may use it, limits, and who waits for news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Self, cast

from wherry.client import Client
from wherry.errors import StorageUnavailable
from wherry.storage.protocol import Storage
from wherry.task import Task
from wherry_server.auth import Tokens
from wherry_server.leases import LeaseGuard


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may ask for, and how long things last."""

    max_body: int = 16 * 2**20
    """Bytes of a request's body."""
    max_page: int = 1_000
    """Rows of one answer; asking for more gets so many and a cursor."""
    max_wait_s: float = 60.0
    """How long a long poll is held."""
    heartbeat_s: float = 15.0
    """Between two comments on an idle event stream."""
    send_timeout_s: float = 60.0
    """An event stream whose reader takes nothing for so long is closed."""
    grace_s: float = 30.0
    """After a start and after a jump of this host's clock, leases get so long to be renewed."""


@dataclass(eq=False)
class Service:
    """One app's state."""

    storage: Storage
    tokens: Tokens
    limits: Limits = field(default_factory=Limits)
    tasks: tuple[Task[Any, Any], ...] = ()
    """Known by name when submitting; others are looked up in the storage's manifest."""
    closed: bool = False
    leases: LeaseGuard = field(init=False)
    _wakers: set[Waker] = field(default_factory=set["Waker"])

    def __post_init__(self) -> None:
        self.leases = LeaseGuard(round(self.limits.grace_s * 1000))

    def client(self, namespace: str | None = None) -> Client:
        """A client of the storage that knows the app's tasks."""
        return Client(self.storage, namespace=namespace, tasks=self.tasks)

    def waker(self) -> Waker:
        return Waker(self)

    def close(self) -> None:
        """End all event streams and long polls: a server that stops must not wait for their readers."""
        self.closed = True
        for waker in tuple(self._wakers):
            waker.wake()

    @property
    def waiting(self) -> int:
        """How many streams and polls are open."""
        return len(self._wakers)

    def join(self, waker: Waker) -> None:
        self._wakers.add(waker)

    def leave(self, waker: Waker) -> None:
        self._wakers.discard(waker)


class Waker:
    """The storage's hints for one request.  Enter it, read, then `wait` before reading again."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._rung = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        hints = self._service.storage.listen()
        try:
            await anext(hints)
        except BaseException:
            await _aclose(hints)
            raise
        self._pump = asyncio.create_task(self._follow(hints))
        self._service.join(self)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._service.leave(self)
        if self._pump is not None:
            self._pump.cancel()
            # Its own failure was told by `wait`; here the request is over anyway.
            with suppress(asyncio.CancelledError, Exception):
                await self._pump

    async def _follow(self, hints: AsyncIterator[None]) -> None:
        try:
            async with aclosing(cast("Any", hints)):
                async for _ in hints:
                    self._rung.set()
        finally:
            self._rung.set()

    def wake(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when there may be news; False when the time is over or the service closes.

        Raises: `StorageUnavailable` when the storage gives no more hints.
        """
        if self._service.closed:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        if self._pump is None or self._pump.done():
            raise StorageUnavailable("the storage ended its feed: connect again.")
        return not self._service.closed


async def _aclose(hints: AsyncIterator[None]) -> None:
    await cast("Any", hints).aclose()
