"""What runs a job in this process for `task.now`: claimed by its id, run as a worker's attempt, settled.

It has one attempt: who wants a result now wants the error now.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from wherry.attempt import Attempt, Manner
from wherry.client import Client
from wherry.context import Context, Surroundings
from wherry.errors import (
    JobCancelled,
    LeaseLost,
    StorageUnavailable,
    TaskPaused,
)
from wherry.handle import JobHandle, failure_of
from wherry.ids import new_id
from wherry.messages import Claimed, ClaimRequest, Filter, NewJob, Report, Settlement, Verdict
from wherry.outcome import Failed, Outcome, Succeeded
from wherry.renewals import Renewals
from wherry.reports import ReportBuffer
from wherry.retry import describe
from wherry.storage.protocol import Storage
from wherry.submission import JobMaker
from wherry.submitting import current_client
from wherry.task import Task
from wherry.validation import check_size

if TYPE_CHECKING:
    from wherry.keeper import Keeper

_LEASE_MS = 30_000
_IN_BROWSER = sys.platform == "emscripten"


class Here:
    """What runs in this process share: a client or none, threads, and the keeper of their leases."""

    def __init__(self, client: Client | None, concurrency: int) -> None:
        self._client = client
        self._attempts: dict[str, _Attempt] = {}
        self._pool = None if _IN_BROWSER else ThreadPoolExecutor(concurrency, "wherry-now")
        self._worker = f"now:{socket.gethostname()}:{secrets.token_hex(4)}"
        self._renewals: Renewals | None = None
        self._keeper: Keeper | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.stopped = False
        """Whether nothing more may be started."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._keeper is not None:
            await self._keeper.stop()
        if self._renewing is not None and self._renewals is not None:
            self._renewals.end()
            await self._renewing
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Start nothing more, and ask what runs to stop."""
        self.stopped = True
        for attempt in tuple(self._attempts.values()):
            attempt.stop("cancel")

    async def run(self, task: Task[Any, Any], value: object) -> Outcome[Any]:
        """Raises: what refuses the input at the door, and `TaskPaused`."""
        enqueued = utc_now()
        text, plain = task.dump_input(value)
        if self._client is None:
            return await _Run(task, _unstored(task, text), enqueued, None).run(self, None)
        storage = self._client.storage
        check_size(text, storage.capabilities.max_payload, f"the input of {task.name}")
        defaults = task.defaults._replace(max_attempts=1, ordering_key=None, unique=None)
        (job,) = JobMaker(defaults, {}, namespace=self._client.namespace).make(((text, plain),))
        try:
            claimed = await self._claim(storage, job)
        except asyncio.CancelledError:
            await asyncio.shield(_withdraw(storage, job.id))
            raise
        if claimed is None:
            return await _outcome_elsewhere(self._client, task, job, enqueued)
        return await _Run(task, claimed, enqueued, job.id).run(self, self._client)

    async def _claim(self, storage: Storage, job: NewJob) -> Claimed | None:
        """Store the job and claim exactly it; None when a worker was faster.  Raises: `TaskPaused`."""
        await storage.add((job,))
        claim = ClaimRequest(
            f"{self._worker}:{job.id}", self._worker, (job.namespace,), None, (job.task,), 1, _LEASE_MS,
            ids=(job.id,),
        )  # fmt: skip
        claimed = (await storage.exchange((), claim)).jobs
        if not claimed and await _withdraw(storage, job.id):
            raise TaskPaused(job.task, job.queue)
        return claimed[0] if claimed else None

    async def attempt(self, attempt: _Attempt) -> Settlement | None:
        """Run one attempt, its lease renewed if it has one."""
        self._attempts[attempt.job.id] = attempt
        try:
            if self._client is not None:
                await self._keep(self._client.storage)
            if self.stopped:
                attempt.stop("cancel")
            return await attempt.run()
        finally:
            del self._attempts[attempt.job.id]

    # --- leases ------------------------------------------------------------------------------------------
    @property
    def pool(self) -> ThreadPoolExecutor | None:
        return self._pool

    async def _keep(self, storage: Storage) -> None:
        if self._renewals is None:
            self._renewals = Renewals(
                storage,
                lease_ms=_LEASE_MS,
                running=lambda: list(self._attempts.values()),
                refused=self._refused,
            )
            await self._start(self._renewals)
        self._renewals.busy()

    async def _start(self, renewals: Renewals) -> None:
        if not _IN_BROWSER:
            from wherry.keeper import Keeper

            self._keeper = Keeper(renewals)
            self._keeper.start()
            return
        # There are no threads in a tab: code that blocks it for a lease loses the job.
        started = asyncio.Event()
        self._renewing = asyncio.create_task(renewals.run(started.set))
        await started.wait()

    def _refused(self, attempt: Attempt, verdict: Verdict) -> None:
        """A renewal was refused; comes on the keeper's thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(attempt.stop, "cancel" if verdict == "cancel" else "lost")


class _Attempt(Attempt):
    """Keeps the very exception, which a stored error can only be rebuilt from."""

    error: BaseException | None = None

    def _failed(self, error: BaseException) -> Settlement:
        self.error = error
        return super()._failed(error)


class _Run:
    """One input on its way to an outcome."""

    def __init__(self, task: Task[Any, Any], job: Claimed, enqueued: datetime, job_id: str | None) -> None:
        self._task, self._job, self._enqueued, self._job_id = task, job, enqueued, job_id
        self._started = utc_now()

    async def run(self, here: Here, client: Client | None) -> Outcome[Any]:
        storage = client.storage if client else None
        reports = ReportBuffer(storage) if storage else _Unheard()
        attempt = _Attempt(
            self._job,
            self._task,
            Context(self._job, Surroundings(reports, client or _Anyone())),
            Manner(
                here.pool,
                storage.capabilities.max_payload if storage else sys.maxsize,
                hooks=client.run_hooks if client else (),
            ),
        )
        try:
            settlement = await here.attempt(attempt)
        except asyncio.CancelledError:
            if storage:
                given_up = Settlement(self._job.id, self._job.fence, "cancel")
                await asyncio.shield(_settle(storage, given_up))
            raise
        if settlement is None:
            return self._failed(LeaseLost(self._job.id))
        settlement = _at_once(settlement, attempt.error)
        if storage:
            await reports.flush()
            verdict = await _settle(storage, settlement)
            if verdict not in ("ok", "cancel"):
                return self._failed(LeaseLost(self._job.id))
        return self._outcome(settlement, attempt.error)

    def _outcome(self, settlement: Settlement, error: BaseException | None) -> Outcome[Any]:
        if settlement.kind == "complete":
            return Succeeded(
                name=self._task.name, enqueued=self._enqueued, started=self._started, completed=utc_now(),
                job_id=self._job_id, output=self._task.load_output(settlement.output or "null"),
            )  # fmt: skip
        if settlement.kind == "cancel":
            return self._failed(JobCancelled(self._job.id), "cancelled")
        return self._failed(error or failure_of(self._job.id, settlement.error or "{}"))

    def _failed(
        self, error: BaseException, status: Literal["failed", "cancelled"] = "failed"
    ) -> Outcome[Any]:
        return Failed(
            name=self._task.name, enqueued=self._enqueued, started=self._started, completed=utc_now(),
            job_id=self._job_id, error=error, status=status,
        )  # fmt: skip


def _at_once(settlement: Settlement, error: BaseException | None) -> Settlement:
    """What would come back later ends here."""
    if settlement.kind in ("complete", "fail", "cancel"):
        return settlement
    described = settlement.error or (describe(error, 1) if error else None)
    return Settlement(settlement.id, settlement.fence, "fail", error=described)


async def _settle(storage: Storage, settlement: Settlement) -> Verdict:
    for wait_s in (0.1, 0.5, 2.0):
        try:
            return (await storage.exchange((settlement,), None)).verdicts[0]
        except StorageUnavailable:
            await asyncio.sleep(wait_s)
    return (await storage.exchange((settlement,), None)).verdicts[0]


async def _withdraw(storage: Storage, job_id: str) -> bool:
    """Take a job back that nobody runs yet."""
    if not await storage.alter(Filter(ids=(job_id,), states=("pending",)), "cancel", limit=1):
        return False
    return bool(await storage.alter(Filter(ids=(job_id,)), "remove", limit=1))


async def _outcome_elsewhere(
    client: Client, task: Task[Any, Any], job: NewJob, enqueued: datetime
) -> Outcome[Any]:
    """A worker of the same storage was faster: what it makes of the job."""
    started, handle = utc_now(), JobHandle(client, job.id, task)
    facts: dict[str, Any] = {"name": task.name, "enqueued": enqueued, "started": started, "job_id": job.id}
    try:
        output = await handle.result()
    except JobCancelled as error:
        return Failed(**facts, completed=utc_now(), error=error, status="cancelled")
    except Exception as error:
        return Failed(**facts, completed=utc_now(), error=error)
    return Succeeded(**facts, completed=utc_now(), output=output)


def _unstored(task: Task[Any, Any], text: str) -> Claimed:
    return Claimed(
        id=new_id(), fence=1, attempt=1, task=task.name, queue=task.queue, namespace="", input=text,
        max_attempts=1, interruptions=0, backoff="{}", timeout_ms=task.defaults.timeout_ms,
        deadline_left_ms=None, checkpoint=None, trace=None,
    )  # fmt: skip


class _Unheard:
    """Takes the reports of a run that is not stored."""

    def report(self, news: Report) -> None:
        return

    async def flush(self) -> None:
        return


class _Anyone:
    """Submits through the default client at that time."""

    async def submit(self, task: Any, input: Any = None, /, **options: Any) -> Any:
        return await current_client().submit(task, input, **options)


def utc_now() -> datetime:
    return datetime.now(UTC)
