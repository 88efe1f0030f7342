"""An ending that several may ask for: it happens once, and goes on whoever stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from wherry.errors import WherryError


class WorkerBusy(WherryError, RuntimeError):
    """`run_once` of a worker that is running already."""

    code = "worker_busy"

    def __init__(self, worker: str) -> None:
        super().__init__(
            f"worker {worker} is running already, and would take more than its `concurrency`: "
            "stop it first, or use another Worker."
        )
        self.worker = worker


class Ending:
    """Carries out `end`, once at a time.

    Args:
        end: must be free to run again later.
    """

    def __init__(self, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._end = end
        self._task: asyncio.Task[None] | None = None

    async def ask(self, *, wait: bool) -> None:
        """Begin it, or join the one under way.  Raises, with `wait`: what it raises."""
        if self._task is None:
            self._task = asyncio.create_task(self._end())
            self._task.add_done_callback(self._over)
        if wait:
            await asyncio.shield(self._task)

    async def over(self) -> None:
        """Return when none is under way."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    def _over(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.exception()  # seen here, for perhaps nobody waits for it
