"""Runs jobs to their end in the caller's own task: no worker, no thread, no waiting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from wherry import entropy
from wherry.attempt import Attempt, Manner
from wherry.client import Client
from wherry.clock import ManualClock
from wherry.context import Context, Surroundings
from wherry.messages import Claimed, ClaimRequest, SettleKind
from wherry.reports import ReportBuffer
from wherry.storage.protocol import Storage
from wherry.sweeper import Sweeper
from wherry.task import Registry, Task

_LEASE_MS = 30_000


class Drained(NamedTuple):
    """How many attempts ended which way; their sum is how many were run."""

    completed: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    snoozed: int = 0
    """And those that gave their attempt back in other ways."""


async def drain(
    storage: Storage,
    tasks: Iterable[Task[Any, Any]],
    *,
    advance: ManualClock | None = None,
    limit: int = 10_000,
) -> Drained:
    """Run every job that is due, best first, until none is left; what they submit is run as well.

    Handlers run in the caller's task, one after the other, plain `def` ones too.

    Args:
        storage: an entered storage.
        tasks: whose jobs; others stay.
        advance: the clock that the storage was opened with: whenever nothing is due, it is set to the
            next instant at which something is, so that a month of retries and delays takes no time.
        limit: of attempts, so that a job that always comes back ends the test.

    Raises:
        AssertionError: `limit` attempts were run and something is due yet.
    """
    return await Drain(storage, tasks, advance).run(limit)


class Drain:
    """See `drain`."""

    def __init__(self, storage: Storage, tasks: Iterable[Task[Any, Any]], clock: ManualClock | None) -> None:
        self._storage, self._clock, self._registry = storage, clock, Registry(tasks)
        self._namespace: str = getattr(storage, "namespace", "")
        self._client = Client(storage, tasks=self._registry)
        self._counts: dict[str, int] = {}

    async def run(self, limit: int) -> Drained:
        while sum(self._counts.values()) < limit:
            job, due_in_ms = await self._claim()
            if job is not None:
                await self._run(job)
            elif due_in_ms is None or self._clock is None:
                return Drained(**self._counts)
            else:
                self._clock.advance(max(1, due_in_ms))
        raise AssertionError(
            f"{limit} attempts were run and something is due yet: does a job always come back?"
        )

    async def _claim(self) -> tuple[Claimed | None, int | None]:
        # What is over without an attempt: deadlines, and children whose parents failed.
        wall = self._clock.now_ms if self._clock else None
        await Sweeper(self._storage, lease_ms=_LEASE_MS, wall_ms=wall).sweep()
        token = f"drain:{entropy.token()}"
        names = self._registry.names()
        request = ClaimRequest(token, "drain", (self._namespace,), None, names, 1, _LEASE_MS)
        _, jobs, due_in_ms = await self._storage.exchange((), request)
        return (jobs[0] if jobs else None), due_in_ms

    async def _run(self, job: Claimed) -> None:
        reports = ReportBuffer(self._storage)
        attempt = Attempt(
            job,
            self._registry[job.task],
            Context(job, Surroundings(reports, self._client)),
            Manner(None, self._storage.capabilities.max_payload),
        )
        settlement = await attempt.run()
        await reports.flush()
        if settlement is None:
            return
        (verdict,) = (await self._storage.exchange((settlement,), None)).verdicts
        ended = _COUNTED.get("cancel" if verdict == "cancel" else settlement.kind, "snoozed")
        self._counts[ended] = self._counts.get(ended, 0) + 1


_COUNTED: dict[SettleKind, str] = {
    "complete": "completed",
    "fail": "failed",
    "retry": "retried",
    "cancel": "cancelled",
    "disable": "cancelled",
}
