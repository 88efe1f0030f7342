"""The coroutines that run a worker's attempts, reused from one to the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_TURN_S = 0.002
"""A runner whose work never waits for anything lets the rest of the loop go on after this long."""


class Runners(Generic[T]):
    """At most `concurrency` pieces of work at once; those over it, after a scale down, end with theirs.

    What is assigned waits in one line.  A runner takes from it until it is empty, so work that never
    waits costs no turn of the event loop; the moment a runner does wait, the next one takes over the line.

    Args:
        run: does one piece to its end; must not raise.
        concurrency: how many at once; may be set at any time.
        freed: called when a slot has become free.
    """

    def __init__(
        self, run: Callable[[T], Awaitable[object]], concurrency: int, *, freed: Callable[[], None]
    ) -> None:
        self._run, self._freed = run, freed
        self.concurrency = concurrency
        self.occupied = 0
        self._line: deque[T] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._called = False
        """A runner is on its way to the line."""

    @property
    def free(self) -> int:
        return max(0, self.concurrency - self.occupied)

    def assign(self, work: T) -> None:
        """Put work into the line; not more than is `free`."""
        self.occupied += 1
        self._line.append(work)
        self._call()

    async def end(self) -> None:
        """Cancel them all, idle or not, and wait for it; what stands in line is dropped."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.occupied -= len(self._line)
        self._line.clear()
        self._idle.clear()
        self._called = False

    def _call(self) -> None:
        """Let one more runner come to the line."""
        if self._called:
            return
        self._called = True
        if self._idle:
            self._idle.popleft().set_result(None)
            return
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._called = False
            await self._take_turns(loop)
            if len(self._tasks) > self.concurrency:
                return
            called: asyncio.Future[None] = loop.create_future()
            self._idle.append(called)
            await called

    async def _take_turns(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do what stands in line, until nothing does."""
        until_s = loop.time() + _TURN_S
        while self._line:
            work = self._line.popleft()
            if self._line:
                self._call()
            try:
                await self._run(work)
            finally:
                self.occupied -= 1
                self._freed()
            if loop.time() >= until_s:
                await asyncio.sleep(0)
                until_s = loop.time() + _TURN_S
