"""The coroutines that run a worker's jobs, reused from job to job."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from wherry.messages import Claimed


class Runners:
    """At most `concurrency` jobs at once; those over it, after a scale down, end with their job.

    Args:
        run: runs one job to its end; must not raise.
        concurrency: how many at once; may be set while jobs run.
        freed: called when a slot has become free.
    """

    def __init__(
        self, run: Callable[[Claimed], Awaitable[None]], concurrency: int, *, freed: Callable[[], None]
    ) -> None:
        self._run, self._freed = run, freed
        self.concurrency = concurrency
        self.occupied = 0
        self._idle: deque[asyncio.Future[Claimed]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def free(self) -> int:
        return max(0, self.concurrency - self.occupied)

    def assign(self, job: Claimed) -> None:
        """Give a job to an idle coroutine, or to a new one."""
        self.occupied += 1
        if self._idle:
            self._idle.popleft().set_result(job)
            return
        task = asyncio.create_task(self._run_jobs(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Cancel them all, idle or not, and wait for it."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._idle.clear()

    async def _run_jobs(self, job: Claimed) -> None:
        while True:
            try:
                await self._run(job)
            finally:
                self.occupied -= 1
                self._freed()
            if self.occupied >= self.concurrency:
                return
            waiting: asyncio.Future[Claimed] = asyncio.get_running_loop().create_future()
            self._idle.append(waiting)
            job = await waiting
