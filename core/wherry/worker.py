"""`Worker`: claims jobs, runs their handlers, settles them.

One coroutine talks to the storage, and each of its calls settles what has finished and claims
for the slots that are free.  `concurrency` runner coroutines are reused from job to job: a task
object per job would cost as much as the claim.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import Any, Literal

from wherry import entropy
from wherry.attempt import Attempt, StopReason, Watch
from wherry.attempts import IN_BROWSER, Attempts, refused
from wherry.checks import require
from wherry.ending import Ending, WorkerBusy
from wherry.errors import StorageUnavailable, WherryError
from wherry.hooks import Hook, require_hooks
from wherry.messages import Claimed, ClaimRequest, Exchanged, Settlement, Verdict
from wherry.renewals import LeaseKeeper, MakeKeeper, Renewals
from wherry.runners import Runners
from wherry.storage.protocol import Storage
from wherry.task import Registry, Task

SAFETY_POLL_S = 30.0
_GATHER_S = 0.02
"""A job that has ended is settled after this long at the latest, unless code blocks the loop."""
Settled = Callable[[Claimed, Settlement, Verdict, float], object]
"""Job, what followed, the storage's verdict, seconds the attempt ran."""


class Worker:
    """Runs the jobs of a storage whose tasks it knows.

    Args:
        storage: an entered storage.
        tasks: what it can run; jobs of other tasks are left for others (T5).
        queues: only these; None means every queue.
        concurrency: jobs that run at once.
        lease: seconds a claim holds without renewal, at least 1.
        namespaces: whose jobs; by default the storage's own.
        shutdown_timeout: seconds that `stop` lets running jobs go on.
        place: tasks declared for the other place are not claimed.
        claims: which tasks it claims, of those that it knows; without it all of them.
        settled: called after each settlement with its verdict.
        watch: told when user code is entered and left (the browser's keeper).
        keeper: makes the one who runs the renewals; by default a thread of its own, in a browser
            nobody (`keeper.js` renews).
        retain: `retain_ms` by settlement kind.
        hooks: around each attempt, the first one outside; see `wherry.hooks`.  Tasks with
            `isolation="process"` run without them.
    """

    def __init__(
        self,
        storage: Storage,
        tasks: Iterable[Task[Any, Any]],
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 8,
        lease: float = 30.0,
        namespaces: Sequence[str] | None = None,
        shutdown_timeout: float = 30.0,
        place: Literal["browser", "server"] = "browser" if IN_BROWSER else "server",
        name: str | None = None,
        settled: Settled | None = None,
        watch: Watch | None = None,
        retain: dict[str, int | None] | None = None,
        keeper: MakeKeeper | None = None,
        hooks: Sequence[Hook] = (),
        claims: Callable[[Task[Any, Any]], bool] | None = None,
    ) -> None:
        given = {"concurrency": concurrency, "lease": lease, "shutdown_timeout": shutdown_timeout}
        require("worker", {**given, "queues": queues, "namespaces": namespaces, "name": name})
        self._storage, self.registry = storage, Registry(tasks)
        self._queues = None if queues is None else tuple(queues)
        self._namespaces = (getattr(storage, "namespace", ""),) if namespaces is None else tuple(namespaces)
        self._lease_ms, self._shutdown_timeout = round(lease * 1000), shutdown_timeout
        self._place: Literal["browser", "server"] = place
        self._claims = claims
        self.name = name or f"{socket.gethostname()}:{entropy.token(4)}"
        self._settled = settled
        self._attempts = Attempts(
            storage,
            self.registry,
            threads=concurrency,
            watch=watch,
            retain=retain or {},
            hooks=require_hooks("worker", hooks, "run"),
        )
        self._make_keeper = keeper or (None if IN_BROWSER else _in_thread)
        self._keeper: LeaseKeeper | None = None
        self._finished: list[tuple[Claimed, Settlement, float]] = []
        self._wake = asyncio.Event()
        self._runners = Runners(Attempt.run, concurrency, ended=self._ended)
        self._main: asyncio.Task[Any] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._claiming = True
        self._ending = Ending(self._stop)
        self._next_due_s = SAFETY_POLL_S
        self.last_claim_at_ms: int | None = None
        """When the storage last answered a claim, with jobs or without, by this host's clock."""
        self.last_finish_at_ms: int | None = None
        """When it last took what had finished."""

    # --- life --------------------------------------------------------------------------------------
    @property
    def is_running(self) -> bool:
        return self._main is not None and not self._main.done()

    @property
    def namespaces(self) -> tuple[str, ...]:
        return self._namespaces

    @property
    def queues(self) -> tuple[str, ...] | None:
        """None: every queue."""
        return self._queues

    @property
    def claimable(self) -> tuple[str, ...]:
        """Names of the tasks that it claims."""
        names = self.registry.names(self._place)
        if self._claims is None:
            return names
        return tuple(name for name in names if self._claims(self.registry[name]))

    @property
    def active(self) -> int:
        """Jobs under way."""
        return self._runners.occupied

    @property
    def concurrency(self) -> int:
        return self._runners.concurrency

    async def start(self) -> None:
        """Begin to claim."""
        await self._ending.over()
        if self.is_running:
            return
        self._claiming = True
        self._prepare()
        if self._listener is None:  # an error leaves it, and what runs
            self._listener = asyncio.create_task(self._listen())
        self._main = asyncio.create_task(self._work())
        self._main.add_done_callback(_tell_crash)

    def _prepare(self) -> None:
        self._attempts.open()
        if self._keeper is None and self._make_keeper is not None:
            renewals = Renewals(
                self._storage,
                lease_ms=self._lease_ms,
                running=self._attempts.under_way,
                refused=refused,
            )
            self._keeper = self._make_keeper(renewals)
            self._keeper.start()

    async def stop(self) -> None:
        """Claim no more, finish what fits in `shutdown_timeout`, hand the rest back uncharged.

        It goes on if its caller is cancelled, and who calls it meanwhile waits for the same end.  A handler
        that calls it is answered at once, for its own job is among those that are waited for.
        """
        await self._ending.ask(wait=not self.is_runner(asyncio.current_task()))

    def is_runner(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether that task runs this worker's handlers."""
        return self._runners.include(task)

    async def _stop(self) -> None:
        self._claiming = False
        self._wake.set()
        main = self._main
        if main is not None:
            await asyncio.wait((main,), timeout=self._shutdown_timeout)
            await self._hand_back(main)
        await self._end()
        error = main.exception() if main is not None and not main.cancelled() else None
        if error:
            raise error

    async def _hand_back(self, main: asyncio.Task[None]) -> None:
        for attempt in self._attempts.under_way():
            attempt.stop("shutdown")
        # Only threads that ignore `context.cancelled` outlast this; their leases lapse.
        await asyncio.wait((main,), timeout=5)

    async def _end(self) -> None:
        for task in (self._main, self._listener):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait((task,))
        await self._runners.end()
        self._main = self._listener = None
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.stop()
        self._attempts.close()

    async def ended(self) -> None:
        """Return when it has ended, by `stop` or by an error (which `stop` then raises)."""
        if self._main is not None:
            await asyncio.wait((self._main,))

    def scale(self, concurrency: int) -> None:
        """Run this many jobs at once from now on; those under way go on."""
        require("scale", {"concurrency": concurrency})
        self._runners.concurrency = concurrency
        self._attempts.scale(concurrency)
        self._wake.set()

    async def run_once(self) -> int:
        """Claim once, run what was claimed to its end, settle it; how many jobs that were.

        Raises: `WorkerBusy` while it runs, or runs once, already.
        """
        if self.is_running:
            raise WorkerBusy(self.name)
        self._claiming = True
        self._prepare()
        once = asyncio.create_task(self._work_once())
        self._main = once
        try:
            return await once
        finally:
            if self._main is once:
                await self._end()

    async def _work_once(self) -> int:
        claimed = await self._exchange(self._runners.free)
        while self._runners.occupied or self._finished:
            if not self._finished:
                self._wake.clear()
                await self._wake.wait()
            await self._exchange(0)
        return claimed

    # --- the loop ------------------------------------------------------------------------------------
    async def _work(self) -> None:
        while True:
            await self._gather()
            self._wake.clear()
            free = self._runners.free if self._claiming else 0
            if self._finished or free:
                claimed = await self._exchange(free)
            else:
                claimed = 0
            if not self._claiming and not self._runners.occupied and not self._finished:
                return
            # Some but not all that was asked for: ask once more, to learn when the next one is due.
            if not self._finished and claimed in (0, free):
                await self._rest(self._next_due_s)

    async def _gather(self) -> None:
        """Let jobs end while more than have ended stand in line: they keep it busy during the exchange.

        So half of the slots is stored while the other half runs.  Jobs that all end within one turn of the
        loop are not waited for: the line is empty by then.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _GATHER_S
        while 0 < len(self._finished) < self._runners.waiting and loop.time() < until_s:  # noqa: ASYNC110 - a turn
            await asyncio.sleep(0)

    async def _rest(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()

    def wake(self) -> None:
        """Claim again without waiting for a hint."""
        self._wake.set()

    async def _exchange(self, free: int) -> int:
        """Settle what has finished and claim for the free slots, again until the storage answers."""
        await self._attempts.reports.flush()
        finished, self._finished = self._finished, []
        settle = [settlement for _, settlement, _ in finished]
        claim = self._request(free) if free else None
        try:
            exchanged = await self._until_answered(settle, claim)
        except BaseException:
            self._finished = [*finished, *self._finished]  # for whoever starts it again
            raise
        if self._settled:
            self._tell(self._settled, finished, exchanged.verdicts)
        self._note(claimed=claim is not None, settled=bool(settle))
        self._take(exchanged.jobs)
        due_ms = exchanged.next_due_in_ms
        self._next_due_s = SAFETY_POLL_S if due_ms is None else min(SAFETY_POLL_S, max(due_ms, 1) / 1000)
        return len(exchanged.jobs)

    async def _until_answered(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        wait_s = 0.1
        while True:
            try:
                return await self._storage.exchange(settle, claim)
            except StorageUnavailable:
                await asyncio.sleep(wait_s * (0.5 + entropy.chance()))
                wait_s = min(wait_s * 2, 5.0)

    def _tell(
        self,
        settled: Settled,
        finished: Sequence[tuple[Claimed, Settlement, float]],
        verdicts: Sequence[Verdict],
    ) -> None:
        """What `settled` raises must not end the worker, nor lose what was claimed in the same call."""
        for (job, settlement, run_s), verdict in zip(finished, verdicts, strict=True):
            try:
                settled(job, settlement, verdict, run_s)
            except Exception as error:
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a worker's `settled` callback failed", "exception": error}
                )

    def _note(self, *, claimed: bool, settled: bool) -> None:
        now_ms = entropy.wall_ms()
        if claimed:
            self.last_claim_at_ms = now_ms
        if settled:
            self.last_finish_at_ms = now_ms

    def _request(self, limit: int) -> ClaimRequest:
        token = f"{self.name}:{entropy.token()}"
        return ClaimRequest(
            token, self.name, self._namespaces, self._queues, self.claimable, limit, self._lease_ms
        )

    async def _listen(self) -> None:
        while True:
            try:
                async with aclosing(self._storage.listen()) as hints:
                    async for _ in hints:
                        self._wake.set()
            except StorageUnavailable:
                pass  # claims say when it is back
            except WherryError:
                self._wake.set()  # the next claim meets it too, and ends the worker with it
            await asyncio.sleep(1)

    # --- runners ---------------------------------------------------------------------------------------
    def _take(self, jobs: Sequence[Claimed]) -> None:
        """Line up what was claimed.  Its leases are renewed from now on, also while it waits for its turn."""
        self._runners.assign(map(self._attempts.begin, jobs))
        if jobs and self._keeper and not self._keeper.awake:
            self._keeper.busy()

    def _ended(self, attempt: Attempt, settlement: Settlement | None, run_s: float) -> bool:
        """An attempt is over.  True while its thread goes on: so long its slot is taken."""
        if settlement is None or not self._finished:  # the others find it awake
            self._wake.set()
        if settlement is not None:
            self._finished.append((attempt.job, settlement, run_s))
        self._attempts.end(attempt)
        thread = attempt.thread
        if thread is None:
            return False
        thread.add_done_callback(self._thread_ended)
        return True

    def _thread_ended(self, _: asyncio.Future[Any]) -> None:
        self._runners.release()
        self._wake.set()

    def stop_job(self, job_id: str, fence: int, reason: StopReason) -> None:
        """Stop one attempt by hand; the browser's keeper calls this."""
        self._attempts.stop(job_id, fence, reason)

    def running(self) -> list[Claimed]:
        """The jobs under way."""
        return [attempt.job for attempt in self._attempts.under_way()]


def _in_thread(renewals: Renewals) -> LeaseKeeper:
    from wherry.keeper import Keeper  # a browser has no threads

    return Keeper(renewals)


def _tell_crash(main: asyncio.Task[None]) -> None:
    """A worker that ends by an error must not end silently: nobody awaits it before `stop`."""
    error = None if main.cancelled() else main.exception()
    if error is not None:
        main.get_loop().call_exception_handler({"message": "a wherry worker crashed", "exception": error})
