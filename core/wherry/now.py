"""`task.now` and `task.batch` (T3): runs here and now, with an outcome for each input."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from wherry.checks import require
from wherry.client import Client
from wherry.errors import InvalidInput, NotJson, NotRun, PayloadTooLarge, WherryError
from wherry.here import Here, utc_now
from wherry.outcome import Failed, Outcome
from wherry.submitting import current_client
from wherry.task import Task


async def run_now(task: Task[Any, Any], value: object, *, persist: bool) -> Outcome[Any]:
    """See `Task.now`."""
    async with _here(1, persist=persist) as here:
        return await here.run(task, value)


async def run_batch(
    task: Task[Any, Any], inputs: Iterable[Any], *, concurrency: int, stop_on_error: bool, persist: bool
) -> list[Outcome[Any]]:
    """See `Task.batch`."""
    require("batch", {"concurrency": concurrency})
    async with _here(concurrency, persist=persist) as here:
        return await _Batch(here, task, inputs, stop_on_error=stop_on_error).run(concurrency)


def _here(concurrency: int, *, persist: bool) -> Here:
    return Here(cast("Client", current_client()) if persist else None, concurrency)


class _Batch:
    """A pool: each of its runners takes the next input as soon as it is free."""

    def __init__(
        self, here: Here, task: Task[Any, Any], inputs: Iterable[Any], *, stop_on_error: bool
    ) -> None:
        self._here, self._task, self._stop_on_error = here, task, stop_on_error
        self._inputs = list(inputs)
        self._left = iter(range(len(self._inputs)))
        self._outcomes: dict[int, Outcome[Any]] = {}
        self._error: WherryError | None = None
        self._began = utc_now()

    async def run(self, concurrency: int) -> list[Outcome[Any]]:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(self._inputs))):
                group.create_task(self._take_turns())
        if self._error is not None:
            raise self._error
        return [self._outcomes.get(index) or self._refused(NotRun()) for index in range(len(self._inputs))]

    async def _take_turns(self) -> None:
        for index in self._left:
            if self._here.stopped:
                return
            try:
                outcome = await self._here.run(self._task, self._inputs[index])
            except (InvalidInput, NotJson, PayloadTooLarge) as error:
                outcome = self._refused(error)
            except WherryError as error:  # paused, or the storage gives up: none can be run
                self._error = self._error or error
                self._here.stop()
                return
            self._outcomes[index] = outcome
            if outcome.error is not None and self._stop_on_error:
                self._here.stop()

    def _refused(self, error: WherryError) -> Failed:
        """The outcome of what was never started."""
        return Failed(
            name=self._task.name, enqueued=self._began, started=None, completed=utc_now(), job_id=None,
            error=error, status="not_run" if isinstance(error, NotRun) else "failed",
        )  # fmt: skip
