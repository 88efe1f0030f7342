"""`Server`: the coordinator of workers inside one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from wherry.attempt import Watch
from wherry.checks import require
from wherry.duties import DeadLetters, Duties, Health
from wherry.ending import Ending
from wherry.errors import InvalidInput
from wherry.events import Emitter, Event, Listener
from wherry.hooks import Hook
from wherry.lookup import Lookup
from wherry.messages import Claimed, RecordWrite, SettleKind, Settlement, State, Verdict
from wherry.retention import Retention
from wherry.storage.protocol import Storage
from wherry.sweeper import Patience, Sweeper
from wherry.task import Registry, Task
from wherry.views import FailedJob
from wherry.vitals import WorkerVitals
from wherry.worker import Settled, Worker


@dataclass(slots=True)
class Stats:
    """What this server's workers did since it started."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    disabled: int = 0
    average_run_seconds: float = 0.0


class Server:
    """Runs jobs in this process: workers, the lease keeper, the sweeper, the manifest.

    Args:
        storage: an entered storage.
        tasks: what it can run, told to the storage's manifest at start.
        queues: only these; None means every queue.
        concurrency: jobs that run at once.
        lease: seconds a claim holds without renewal, at least 1.
        delete_after_completion: seconds to keep completed jobs, 0 removes at once (those who wait still
            get the result), None keeps them; likewise after failure and cancellation.  It holds for all jobs
            of its namespaces, whoever ended them: where several servers differ, the shortest counts.
        keep_completed: how many completed jobs of each namespace to keep, the newest by id; None keeps
            all; likewise failed and cancelled ones.  Looked at every ten seconds; over HTTP the token
            needs the `operate` scope for it.
        shutdown_timeout: seconds that `stop` lets running jobs go on.
        settled: called after each settlement with its verdict.
        hooks: around each attempt; see `wherry.hooks`.
        claims: which of its tasks it claims; without it all of them.
        patience: milliseconds that a job whose lease has lapsed is left to others; see `Sweeper`.
        on_dead_letter: called with each job that this server ends as failed, after that is stored; a function
            or a coroutine function.
    """

    def __init__(
        self,
        storage: Storage,
        tasks: Iterable[Task[Any, Any]],
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 8,
        lease: float = 30.0,
        delete_after_completion: float | None = None,
        delete_after_failure: float | None = None,
        delete_after_cancellation: float | None = None,
        keep_completed: int | None = None,
        keep_failed: int | None = None,
        keep_cancelled: int | None = None,
        shutdown_timeout: float = 30.0,
        namespaces: Sequence[str] | None = None,
        watch: Watch | None = None,
        name: str | None = None,
        settled: Settled | None = None,
        hooks: Sequence[Hook] = (),
        on_dead_letter: Callable[[FailedJob[Any]], object] | None = None,
        claims: Callable[[Task[Any, Any]], bool] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._storage, self._told = storage, settled
        retention = _retention(
            (getattr(storage, "namespace", ""),) if namespaces is None else tuple(namespaces),
            {
                "completed": (delete_after_completion, keep_completed),
                "failed": (delete_after_failure, keep_failed),
                "cancelled": (delete_after_cancellation, keep_cancelled),
            },
        )
        self._worker = Worker(
            storage,
            tasks,
            queues=queues,
            concurrency=concurrency,
            lease=lease,
            namespaces=namespaces,
            shutdown_timeout=shutdown_timeout,
            settled=self._count,
            watch=watch,
            name=name,
            hooks=hooks,
            claims=claims,
            retain={kind: retention.retain_ms(kind) for kind in ("complete", "fail", "cancel")},
        )
        self.registry = self._worker.registry
        self._dead_letters = _dead_letters(storage, self.registry, on_dead_letter)
        self._sweeper = Sweeper(
            storage,
            lease_ms=round(lease * 1000),
            retention=retention,
            failed=self._dead_letters.tell if self._dead_letters else None,
            patience=patience,
        )
        self._duties = Duties(storage, self._worker, lambda: self._stats.total)
        self._rounds: tuple[asyncio.Task[None], ...] = ()
        self._ending = Ending(self._stop)
        self._emitter = Emitter()
        self._stats = Stats()
        self._run_seconds = 0.0

    # --- life --------------------------------------------------------------------------------------
    @property
    def is_running(self) -> bool:
        return self._worker.is_running

    @property
    def worker(self) -> Worker:
        return self._worker

    @property
    def worker_count(self) -> int:
        """How many jobs it runs at once."""
        return self._worker.concurrency

    def scale(self, workers: int) -> None:
        """Run this many jobs at once from now on.  Raises: `InvalidInput`."""
        self._worker.scale(workers)

    async def start(self) -> None:
        """Tell the manifest, then begin to claim."""
        await self._ending.over()
        if self.is_running:
            return
        await self._tell_manifest()
        await self._worker.start()
        self._rounds = self._rounds or (  # an error of the worker leaves them
            asyncio.create_task(self._sweeper.run()),
            asyncio.create_task(self._duties.run()),
        )
        self._emit("server_start")

    async def stop(self) -> None:
        """Claim no more, let jobs finish up to `shutdown_timeout`, hand the rest back uncharged.

        It goes on if its caller is cancelled, and who calls it meanwhile waits for the same end.  A handler
        that calls it is answered at once, for its own job is among those that are waited for.
        """
        if not self._rounds:
            return
        await self._ending.ask(wait=not self._worker.is_runner(asyncio.current_task()))

    async def _stop(self) -> None:
        try:
            await self._worker.stop()
        finally:
            rounds, self._rounds = self._rounds, ()
            for each in rounds:
                each.cancel()
            await asyncio.wait(rounds)
            await self._duties.leave()
            if self._dead_letters:
                await self._dead_letters.drain()
        self._emit("server_stop")

    async def ended(self) -> None:
        """Return when its workers have ended, by `stop` or by an error (which `stop` then raises)."""
        await self._worker.ended()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _tell_manifest(self) -> None:
        known = {record.key: record.value for record in await self._storage.read("task")}
        told = {one.name: one.manifest() for one in self.registry}
        writes = [
            RecordWrite("task", name, None, text) for name, text in told.items() if known.get(name) != text
        ]
        if writes:
            await self._storage.write(writes)

    # --- observe -----------------------------------------------------------------------------------
    def stats(self) -> Stats:
        """Counts since the start of this server."""
        if self._stats.total:
            self._stats.average_run_seconds = self._run_seconds / self._stats.total
        return self._stats

    def vitals(self) -> WorkerVitals:
        """What this server's worker is doing, as other processes see it within ten seconds."""
        return self._duties.vitals()

    def health(self) -> Health:
        """For a health endpoint: not `ok` when it has ended, or claims and gets no answer."""
        return self._duties.health()

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` at `server_start` or `server_stop`; job events come through a client."""
        return self._emitter.on(name, listener)

    def off(self, name: str, listener: Listener) -> None:
        self._emitter.off(name, listener)

    def _emit(self, name: str) -> None:
        self._emitter.emit(Event(name, "", "", "", datetime.now(UTC), ""))

    def _count(self, job: Claimed, settlement: Settlement, verdict: Verdict, run_seconds: float) -> None:
        if verdict in ("ok", "cancel"):
            self._run_seconds += run_seconds
            self._stats.total += 1
            if verdict == "ok" and settlement.kind == "complete":
                self._stats.completed += 1
            else:
                self._add_up(job, "cancel" if verdict == "cancel" else settlement.kind)
        if self._told:  # the last, for it is the user's and may raise
            self._told(job, settlement, verdict, run_seconds)

    def _add_up(self, job: Claimed, kind: SettleKind) -> None:
        if self._dead_letters and kind == "fail":
            self._dead_letters.tell(job.id)
        if field := _COUNTED.get(kind):
            setattr(self._stats, field, getattr(self._stats, field) + 1)


_COUNTED = {
    "fail": "failed",
    "cancel": "cancelled",
    "retry": "retried",
    "disable": "disabled",
}


def _dead_letters(
    storage: Storage, registry: Registry, hook: Callable[[FailedJob[Any]], object] | None
) -> DeadLetters | None:
    if hook is None:
        return None
    if not callable(hook):
        raise InvalidInput("server", [f"on_dead_letter: must be a function of one job, not {hook!r}"])
    return DeadLetters(storage, Lookup(storage, registry), hook)


_ENDS = {"completed": "completion", "failed": "failure", "cancelled": "cancellation"}


def _retention(
    namespaces: tuple[str, ...], kept: Mapping[State, tuple[float | None, int | None]]
) -> Retention:
    """From seconds and numbers by state.  Raises: `InvalidInput`."""
    given: dict[str, object] = {}
    for state, (seconds, most) in kept.items():
        given |= {f"delete_after_{_ENDS[state]}": seconds, f"keep_{state}": most}
    require("server", given)
    return Retention(
        namespaces=namespaces,
        age_ms={state: round(seconds * 1000) for state, (seconds, _) in kept.items() if seconds is not None},
        most={state: most for state, (_, most) in kept.items() if most is not None},
    )
