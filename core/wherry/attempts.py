"""The attempts of one worker that are under way, and what they share."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from wherry.attempt import Attempt, Manner, StopReason, Watch
from wherry.client import Client
from wherry.context import Context, Surroundings
from wherry.hooks import RunHook
from wherry.messages import Claimed, Verdict
from wherry.reports import ReportBuffer
from wherry.storage.protocol import Storage
from wherry.task import Registry, Task

if TYPE_CHECKING:
    from wherry.processes import ProcessPool

IN_BROWSER = sys.platform == "emscripten"


class Attempts:
    """Begins, stops and ends attempts; owns their threads and processes.

    Args:
        threads: how many plain functions run at once.
        watch: told when user code is entered and left, and what it reports.
        retain: `Settlement.retain_ms` by kind.
        hooks: around each handler.
    """

    def __init__(
        self,
        storage: Storage,
        registry: Registry,
        *,
        threads: int,
        watch: Watch | None,
        retain: Mapping[str, int | None],
        hooks: Sequence[RunHook],
    ) -> None:
        self._storage, self._registry = storage, registry
        self._manner = Manner(None, storage.capabilities.max_payload, retain, hooks, watch)
        self._processes: ProcessPool | None = None
        self._known: dict[tuple[str, str], tuple[Task[Any, Any], Client, Surroundings]] = {}
        self._under_way: dict[Attempt, None] = {}  # a set would not tell them in order
        self.reports = ReportBuffer(storage, watch.report if watch else None)
        self.scale(threads)

    # --- threads and processes ----------------------------------------------------------------------
    def open(self) -> None:
        """Make what tasks with an isolation of their own need."""
        isolated = [one for one in self._registry if one.isolation]
        if isolated and self._processes is None and not IN_BROWSER:
            from wherry.processes import ProcessPool  # a browser has none

            self._processes = ProcessPool(isolated, max_payload=self._manner.max_payload)

    def scale(self, threads: int) -> None:
        """From now on; what runs in a thread goes on."""
        self._threads = threads
        self._manner.pool = None if IN_BROWSER else ThreadPoolExecutor(threads, "wherry-task")

    def close(self) -> None:
        """Let go of threads and processes; those of the next start are new, and its loop may be another."""
        self._known.clear()
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.close()
        if self._manner.pool is not None:
            self._manner.pool.shutdown(wait=False, cancel_futures=True)
            self.scale(self._threads)

    # --- attempts -----------------------------------------------------------------------------------
    def begin(self, job: Claimed) -> Attempt:
        """An attempt of a job that was just claimed; it counts as under way until `end`."""
        known = self._known.get((job.namespace, job.task)) or self._learn(job.namespace, job.task)
        task, client, around = known
        isolated = None
        if self._processes is not None and task.isolation is not None:
            isolated = partial(self._processes.run, job, self.reports, client)
        attempt = Attempt(job, task, Context(job, around), self._manner, isolated)
        self._under_way[attempt] = None
        return attempt

    def end(self, attempt: Attempt) -> None:
        del self._under_way[attempt]

    def under_way(self) -> list[Attempt]:
        """May be called from any thread."""
        return list(self._under_way)

    def stop(self, job_id: str, fence: int, reason: StopReason) -> None:
        """Ask one attempt to stop, if it is under way."""
        # By fence too: a job that was lost and claimed again may run beside its earlier attempt.
        for attempt in self.under_way():
            if (attempt.job.id, attempt.job.fence) == (job_id, fence):
                attempt.stop(reason)

    def _learn(self, namespace: str, name: str) -> tuple[Task[Any, Any], Client, Surroundings]:
        """A task, and what `context.submit` goes through: children belong to their parent's namespace."""
        client = Client(self._storage, namespace=namespace, tasks=self._registry)
        known = self._known[namespace, name] = (
            self._registry[name],
            client,
            Surroundings(self.reports, client),
        )
        return known


def refused(attempt: Attempt, verdict: Verdict) -> None:
    """A renewal was refused; comes on the keeper's thread."""
    reason: StopReason = "cancel" if verdict == "cancel" else "lost"
    with suppress(RuntimeError):  # its loop is closed: nothing runs there any more
        attempt.loop.call_soon_threadsafe(attempt.stop, reason)
