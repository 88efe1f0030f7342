"""Settles what nobody else will: lapsed leases, passed deadlines, doomed children, retention that is over.

Any number of sweepers may run: the storage checks fence and lapse again in the settling write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from wherry import entropy
from wherry.errors import Forbidden, StorageUnavailable
from wherry.job import JobRow
from wherry.messages import Filter, Settlement, Verdict
from wherry.retention import Retention, clean
from wherry.retry import after_lapse
from wherry.storage.protocol import Storage

_BATCH = 500
_JUMP_MS = 1000
_CLEAN_EVERY_S = 10.0
Patience = Callable[[JobRow], int]


class Grace:
    """Nothing is expired for one lease after a start, a freeze or a jump of the clock.

    A machine that slept, or whose clock was set forward, finds every lease lapsed although its
    holders live: they get one lease of time to renew, and those with longer leases what was left of
    theirs.  All arguments are milliseconds.
    """

    def __init__(self, lease_ms: int) -> None:
        self._lease_ms = lease_ms
        self._until_ms: int | None = None
        self._wall_ms = self._steady_ms = 0
        self._jumped_from_ms = self._jumped_to_ms = 0

    def allows(self, *, wall_ms: int, steady_ms: int) -> bool:
        """Whether leases may be judged now, by a wall clock and one that never jumps."""
        ahead_ms = wall_ms - self._wall_ms - (steady_ms - self._steady_ms)
        if self._until_ms is None or ahead_ms > _JUMP_MS:
            if self._until_ms is not None:
                self._jumped_from_ms, self._jumped_to_ms = wall_ms - ahead_ms, wall_ms
            self._until_ms = steady_ms + self._lease_ms
        self._wall_ms, self._steady_ms = wall_ms, steady_ms
        return steady_ms >= self._until_ms

    def spares(self, lease_until_ms: int | None) -> bool:
        """Whether a lease only seems to be over, because the jump went past its end."""
        if lease_until_ms is None or not self._jumped_from_ms < lease_until_ms < self._jumped_to_ms:
            return False
        return self._wall_ms < lease_until_ms + self._jumped_to_ms - self._jumped_from_ms


def steady_ms() -> int:
    """A clock that never jumps, in milliseconds."""
    return round(asyncio.get_running_loop().time() * 1000)


class Sweeper:
    """Looks every `period_s` while it runs; each look is a few index reads when there is nothing to do.

    Args:
        storage: an entered storage.
        lease_ms: of its workers, milliseconds.
        wall_ms: the host's clock.
        retention: which final jobs to remove, besides those that say so themselves.
        failed: told the id of each job that it ends as failed.
        patience: milliseconds that a lease which was found lapsed is left to somebody who knows why (a
            browser's keepers); by default none.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        lease_ms: int,
        wall_ms: Callable[[], int] | None = None,
        retention: Retention | None = None,
        failed: Callable[[str], object] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._storage, self._retention = storage, retention or Retention()
        self._failed, self._patience = failed, patience
        self._found_ms: dict[tuple[str, int], int] = {}
        """When lapsed leases that are left to others were found, by job and fence."""
        self._grace = Grace(lease_ms)
        self._wall_ms = wall_ms or entropy.wall_ms
        # With the wait after a lapse, of at most a second, within the five that Q5 allows.
        self.period_s = min(3.0, lease_ms / 2000)
        self._cleaned_s: float | None = None

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            # A token may not look at all jobs or remove any: whoever serves the storage sweeps too.
            with suppress(StorageUnavailable, Forbidden):
                await self.sweep()
            await asyncio.sleep(self.period_s)

    async def sweep(self) -> list[Verdict]:
        """One look; the verdicts of what was settled."""
        verdicts: list[Verdict] = []
        cursor: str | None = None
        found_ms, self._found_ms = self._found_ms, {}
        while True:
            where = Filter(lapsed=True, oldest_first=True)
            rows, cursor = await self._storage.query(where, limit=_BATCH, cursor=cursor)
            settlements = self._after([row for row in rows if not self._leaves(row, found_ms)])
            if settlements:
                answered = (await self._storage.exchange(settlements, None)).verdicts
                self._tell(settlements, answered)
                verdicts += answered
            if cursor is None:
                break
        await self._clean()
        return verdicts

    def _tell(self, settlements: Sequence[Settlement], verdicts: Sequence[Verdict]) -> None:
        for settlement, verdict in zip(settlements, verdicts, strict=True):
            if self._failed and settlement.kind == "fail" and verdict == "ok":
                self._failed(settlement.id)

    def _after(self, rows: Sequence[JobRow]) -> list[Settlement]:
        # Asked when the rows have been read: a jump before that must be seen here.
        leases_judged = self._grace.allows(wall_ms=self._wall_ms(), steady_ms=steady_ms())
        return [
            self._retention.apply(settlement, row.namespace)
            for row in rows
            if row.lapse != "lease" or (leases_judged and not self._grace.spares(row.lease_until_ms))
            if (settlement := after_lapse(row)) is not None
        ]

    def _leaves(self, row: JobRow, found_ms: dict[tuple[str, int], int]) -> bool:
        """Whether a job is left to others for now."""
        if self._patience is None or row.lapse != "lease":
            return False
        key, now_ms = (row.id, row.fence), steady_ms()
        since_ms = self._found_ms[key] = found_ms.get(key, now_ms)
        return now_ms - since_ms < self._patience(row)

    async def _clean(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._cleaned_s is None or now_s - self._cleaned_s >= _CLEAN_EVERY_S:
            self._cleaned_s = now_s
            await clean(self._storage, self._retention)
