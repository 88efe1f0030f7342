"""The coroutines that run a worker's attempts, reused from one to the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

_TURN_S = 0.002
"""A runner whose work never waits for anything lets the rest of the loop go on after this long."""

_PATIENCE_S = 5.0
"""Work that goes on for so long after it was cancelled is left to itself."""


class Runners(Generic[T, R]):
    """At most `concurrency` pieces of work at once; those over it, after a scale down, end with theirs.

    What is assigned waits in one line.  A runner takes from it until it is empty, so work that never
    waits costs no turn of the event loop; the moment a runner does wait, the next one takes over the line.

    Args:
        run: does one piece to its end, in the task that it is given; must not raise.
        concurrency: how many at once; may be set at any time.
        ended: hears of each piece, of what came of it, None if its runner was cancelled, and of the
            seconds it took.  True keeps the slot taken until `release`.
    """

    def __init__(
        self,
        run: Callable[[T, asyncio.Task[None]], Awaitable[R]],
        concurrency: int,
        *,
        ended: Callable[[T, R | None, float], bool | None],
    ) -> None:
        self._run, self._ended = run, ended
        self.concurrency = concurrency
        self.occupied = 0
        self._line: deque[T] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._called = False
        """A runner is on its way to the line."""
        self._crew = 0
        """Grows with each `end`: a runner of an earlier crew does no more work."""

    @property
    def free(self) -> int:
        return max(0, self.concurrency - self.occupied)

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def assign(self, works: Iterable[T]) -> None:
        """Put work into the line; not more than is `free`."""
        before = len(self._line)
        self._line.extend(works)
        self.occupied += len(self._line) - before
        if self._line:
            self._call()

    def release(self) -> None:
        """Free a slot that was kept."""
        self.occupied -= 1

    async def end(self) -> None:
        """Cancel them all, idle or not, and wait for it; what stands in line is dropped."""
        self._crew += 1
        self.occupied -= len(self._line)
        self._line.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE_S)
        self._tasks.clear()
        self._idle.clear()
        self._called = False

    def include(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether that is one of these runners."""
        return task in self._tasks

    def _call(self) -> None:
        """Let one more runner come to the line."""
        if self._called:
            return
        self._called = True
        while self._idle:
            called = self._idle.popleft()
            if not called.done():  # else its runner was cancelled from outside
                called.set_result(None)
                return
        task = asyncio.create_task(self._work(self._crew))
        self._tasks.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        """A runner has ended, perhaps on its way to the line: then another goes there."""
        if task not in self._tasks:
            return
        self._tasks.remove(task)
        self._called = False
        if self._line:
            self._call()

    async def _work(self, crew: int) -> None:
        loop, me = asyncio.get_running_loop(), cast("asyncio.Task[None]", asyncio.current_task())
        while True:
            self._called = False
            await self._take_turns(loop, me, crew)
            # Asked here, because work may have taken the cancelling of its runner for its own.
            if crew != self._crew or len(self._tasks) > self.concurrency:
                return
            called: asyncio.Future[None] = loop.create_future()
            self._idle.append(called)
            await called

    async def _take_turns(self, loop: asyncio.AbstractEventLoop, me: asyncio.Task[None], crew: int) -> None:
        """Do what stands in line, until nothing does."""
        line, now_s = self._line, loop.time()
        turn_s = now_s
        while line and crew == self._crew:
            work = line.popleft()
            if line and not self._called:
                self._call()
            result, began_s = None, now_s
            try:
                result = await self._run(work, me)
            finally:
                now_s = loop.time()
                if not self._ended(work, result, now_s - began_s):
                    self.occupied -= 1
            if now_s >= turn_s + _TURN_S:
                await asyncio.sleep(0)
                turn_s = now_s = loop.time()
