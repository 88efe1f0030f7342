"""Submits that run their job at once, in the same task."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

from wherry.client import Client
from wherry.clock import ManualClock
from wherry.messages import Added, NewJob, RecordWrite
from wherry.storage.open import open_storage
from wherry.storage.protocol import Storage
from wherry.task import Task
from wherry.testing.draining import drain


@contextmanager
def inline(
    client: Client, tasks: Iterable[Task[Any, Any]], *, advance: ManualClock | None = None
) -> Generator[Client]:
    """Let each `submit` through this client run its job, and what follows from it, before it returns.

    Args:
        client: its storage is used as it is, so queries, results and handles are real.
        tasks: whose jobs are run; others are only stored.
        advance: the storage's clock, see `drain`; without it retries and delays stay pending.
    """
    plain = client.storage
    client.storage = cast("Storage", _Inline(plain, tuple(tasks), advance))
    try:
        yield client
    finally:
        client.storage = plain


@asynccontextmanager
async def inline_queue(tasks: Iterable[Task[Any, Any]]) -> AsyncGenerator[Client]:
    """A queue of its own in memory, the default one meanwhile: `submit` and `task.later` run at once.

    Time is virtual: retries and delays pass at once.

    Yields:
        Its client.
    """
    clock, known = ManualClock(), tuple(tasks)
    async with open_storage("memory:inline", clock=clock) as storage:
        with Client(storage, tasks=known) as client, inline(client, known, advance=clock):
            yield client


class _Inline:
    """The storage itself, but for `add`."""

    def __init__(self, storage: Storage, tasks: Sequence[Task[Any, Any]], clock: ManualClock | None) -> None:
        self._storage, self._tasks, self._clock = storage, tasks, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        added = await self._storage.add(jobs, records=records)
        await drain(self._storage, self._tasks, advance=self._clock)
        return added
