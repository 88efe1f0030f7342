"""What a server does besides running jobs: it tells its vitals, hears of resumes, hands on dead letters."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wherry import entropy
from wherry.errors import Forbidden, StorageUnavailable
from wherry.lookup import Lookup
from wherry.messages import RecordWrite
from wherry.storage.protocol import Storage
from wherry.views import FailedJob, instant
from wherry.vitals import KIND, PERIOD_S, StaleWorkers, WorkerVitals, vitals_write
from wherry.worker import SAFETY_POLL_S, Worker

LOOK_S = 4.0
"""Between two looks at the pauses: a resumed queue goes on within so long."""

_HAND_ON_S = 10.0
"""A stop waits so long for the dead-letter hook."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a server still claims; `reason` says why not, for people."""

    ok: bool
    reason: str


class Duties:
    """The slow round of one server.

    Args:
        done: how many attempts were settled so far.
    """

    def __init__(self, storage: Storage, worker: Worker, done: Callable[[], int]) -> None:
        self._storage, self._worker, self._done = storage, worker, done
        self._started_at = _now()
        self._stale = StaleWorkers()
        self._paused: frozenset[str] = frozenset()
        self._told_s: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(StorageUnavailable, Forbidden):
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One round: wake the worker if something was resumed; every ten seconds tell the vitals."""
        with suppress(Forbidden):  # a token may only work: the next poll finds what was resumed
            await self._look_at_pauses()
        now_s = asyncio.get_running_loop().time()
        if self._told_s is None or now_s - self._told_s >= PERIOD_S:
            self._told_s = now_s
            with suppress(
                Forbidden
            ):  # a token may only work: nobody sees this worker, which runs all the same
                await self._tell(now_s)

    async def _look_at_pauses(self) -> None:
        paused = frozenset(record.key for record in await self._storage.read("pause"))
        if self._paused - paused:
            self._worker.wake()
        self._paused = paused

    async def _tell(self, now_s: float) -> None:
        await self._storage.write([vitals_write(self.vitals())])
        stale = self._stale.removals(list(await self._storage.read(KIND)), now_s)
        for removal in stale:
            await self._storage.write([removal])  # each alone: one that lives after all stops only its own

    async def leave(self) -> None:
        """Take the vitals away: this worker has ended as it should."""
        with suppress(StorageUnavailable, Forbidden):
            await self._storage.write([RecordWrite(KIND, self._worker.name, None, None)])

    def vitals(self) -> WorkerVitals:
        worker = self._worker
        return WorkerVitals(
            name=worker.name,
            host=socket.gethostname(),
            pid=os.getpid(),
            namespaces=worker.namespaces,
            queues=worker.queues,
            tasks=worker.claimable,
            concurrency=worker.concurrency,
            active=worker.active,
            done=self._done(),
            started_at=self._started_at,
            last_claim_at=_instant(worker.last_claim_at_ms),
            last_finish_at=_instant(worker.last_finish_at_ms),
            heartbeat_at=_now(),
        )

    def health(self) -> Health:
        """Red when the worker has ended, or has free slots and got no answer to a claim for too long."""
        worker = self._worker
        if not worker.is_running:
            return Health(ok=False, reason="it is not running: start it, or look into its log.")
        if worker.active >= worker.concurrency:
            return Health(ok=True, reason=f"all {worker.concurrency} slots are taken.")
        since = _instant(worker.last_claim_at_ms) or self._started_at
        silent_s = (_now() - since).total_seconds()
        if silent_s > SAFETY_POLL_S * 1.5:
            reason = f"no claim was answered for {silent_s:.0f} s: does the storage answer?"
            return Health(ok=False, reason=reason)
        return Health(ok=True, reason=f"the last claim was answered {max(0.0, silent_s):.0f} s ago.")


class DeadLetters:
    """Hands failed jobs to a hook, each after its failure is stored.

    The hook may be a function or a coroutine function.  What it raises goes to the event loop's handler; a
    crash in between skips it, so it is a copy for people and not a ledger.
    """

    def __init__(self, storage: Storage, lookup: Lookup, hook: Callable[[FailedJob[Any]], object]) -> None:
        self._storage, self._lookup, self._hook = storage, lookup, hook
        self._under_way: set[asyncio.Task[None]] = set()

    def tell(self, job_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._hand_on(job_id))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _hand_on(self, job_id: str) -> None:
        try:
            row = (await self._storage.get([job_id])).get(job_id)
            job = None if row is None else self._lookup.view(row)
            if isinstance(job, FailedJob):
                handed = self._hook(job)
                if inspect.isawaitable(handed):
                    await handed
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"the dead-letter hook failed for job {job_id}", "exception": error}
            )

    async def drain(self) -> None:
        """Wait for those under way."""
        if self._under_way:
            await asyncio.wait(tuple(self._under_way), timeout=_HAND_ON_S)


def _now() -> datetime:
    return instant(entropy.wall_ms())


def _instant(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else instant(at_ms)
