"""One attempt: run the handler, be stopped from outside, say what follows."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

from wherry.context import Context
from wherry.errors import JobTimeout
from wherry.hooks import RunHook, chained
from wherry.messages import Claimed, Payload, Report, Settlement
from wherry.retry import after_attempt, describe, interrupted
from wherry.task import Task
from wherry.validation import check_size

StopReason = Literal["cancel", "lost", "timeout", "deadline", "shutdown"]

_SHORT_S = 10.0
"""A watch times longer attempts alone: a timer of Pyodide's stays for its whole time, also when cancelled."""


class Watch(Protocol):
    """Told before and after user code runs, so that somebody outside this thread can time and `stop` it."""

    def enter(self, job: Claimed, *, blocking: bool) -> None: ...
    def leave(self, job: Claimed) -> None: ...

    def report(self, news: Report) -> None:
        """User code has reported; the worker writes it as soon as this thread is free."""


@dataclass(slots=True)
class Manner:
    """How the attempts of one worker are run.

    Attributes:
        pool: runs plain `def` handlers; None runs them here, and nothing else meanwhile (a browser tab).
        max_payload: bytes of output allowed.
        retain: `Settlement.retain_ms` by kind.
        hooks: around the handler, the first one outside.
        watch: told when user code is entered and left.
    """

    pool: Executor | None
    max_payload: int
    retain: Mapping[str, int | None] = field(default_factory=dict[str, "int | None"])
    hooks: Sequence[RunHook] = ()
    watch: Watch | None = None


class Attempt:
    """A claimed job being run by one of the worker's coroutines.

    Args:
        isolated: runs the handler in a process of its own and says what follows; None runs it here.
    """

    __slots__ = (
        "_context", "_entered", "_isolated", "_manner", "_reason", "_runner", "_started_s", "_task",
        "_thread", "_timer", "job", "limit_s", "loop",
    )  # fmt: skip

    def __init__(
        self,
        job: Claimed,
        task: Task[Any, Any],
        context: Context,
        manner: Manner,
        isolated: Callable[[], Awaitable[Settlement]] | None = None,
    ) -> None:
        self.job, self._task, self._context, self._manner = job, task, context, manner
        self._isolated = isolated
        self.loop = context.loop
        self._entered = False
        self._reason: StopReason | None = None
        self._runner: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._thread: asyncio.Future[Any] | None = None
        self.limit_s = None if job.timeout_ms is None and job.deadline_left_ms is None else _limit_s(job)
        self._started_s = 0.0

    # --- run ---------------------------------------------------------------------------------------
    async def run(self, runner: asyncio.Task[Any] | None = None) -> Settlement | None:
        """Run to the end and say what follows; None when the job is another's by now.

        Args:
            runner: the current task, if that is known.
        """
        job = self.job
        if self._reason is not None:
            settlement = self._stopped(asyncio.CancelledError())  # before it began
        else:
            self._runner = runner or asyncio.current_task()
            if self.limit_s is not None:
                self._start_timer(self.limit_s)
            try:
                if self._isolated is None:
                    output = self._dump(await self._begin())
                    settlement = Settlement(job.id, job.fence, "complete", output)
                else:
                    settlement = await self._isolated()
            except BaseException as error:
                settlement = self._after(error)
            finally:
                if self._timer or self._entered or self._reason is not None:
                    self._settle_down()
                self._runner = None
        if settlement is None or self._reason == "lost":
            return None
        retain_ms = self._manner.retain.get(settlement.kind)
        return settlement if retain_ms is None else settlement._replace(retain_ms=retain_ms)

    def _is_closed(self) -> bool:
        """Whether the coroutine is being closed, after its loop: nobody runs it."""
        try:
            return asyncio.current_task() is not self._runner
        except RuntimeError:
            return True

    def _begin(self) -> Awaitable[Any]:
        """Begin with the handler: the input is loaded, and `async def` makes its coroutine."""
        task, manner = self._task, self._manner
        if manner.watch:
            manner.watch.enter(self.job, blocking=not task.signature.is_async)
            self._entered = True
        value = task.load_input(self.job.input)
        if manner.hooks:
            return chained(manner.hooks, "run", partial(self._call_within, value))(self._context)
        if task.signature.is_async:
            return task.signature.call(value, self._context)
        return self._call_plain(value)

    def _dump(self, result: Any) -> Payload:
        output = self._task.dump_output(result)
        if len(output) * 4 > self._manner.max_payload:
            check_size(output, self._manner.max_payload, f"the output of {self._task.name}")
        return output

    async def _call_within(self, value: Any, context: Context) -> Any:
        """What the innermost hook calls; it may hand on another context."""
        self._context = context
        if self._task.signature.is_async:
            return await self._task.signature.call(value, context)
        return await self._call_plain(value)

    async def _call_plain(self, value: Any) -> Any:
        """A plain `def`, whose result may be awaitable all the same."""
        pool = self._manner.pool
        if pool is not None:
            result = await self._in_thread(pool, self._task.signature.call, value)
        else:
            result = self._task.signature.call(value, self._context)
        return await result if inspect.isawaitable(result) else result

    async def _in_thread(self, pool: Executor, call: Callable[..., Any], value: Any) -> Any:
        run = contextvars.copy_context().run
        self._thread = asyncio.get_running_loop().run_in_executor(
            pool, lambda: run(call, value, self._context)
        )
        # Shielded: a thread cannot be cancelled, and its end is still waited for (`thread`).
        return await asyncio.shield(self._thread)

    @property
    def thread(self) -> asyncio.Future[Any] | None:
        """The end of its handler, if that still runs in a thread, although perhaps nobody waits for it."""
        return None if self._thread is None or self._thread.done() else self._thread

    # --- stopped from outside ------------------------------------------------------------------------
    def stop(self, reason: StopReason) -> None:
        """Ask the handler to stop, also before it began; on the worker's loop.  The first reason stands."""
        if self._reason is not None:
            return
        self._context.cancelled = True
        if self._runner is None:
            self._reason = reason  # `run` looks at it
            return
        if reason == "cancel" and self.thread is not None:
            return  # code in a thread sees context.cancelled, and its lease is held until it has seen it
        self._reason = reason
        self._runner.cancel()

    @property
    def overdue(self) -> bool:
        """Past its time limit and grace: its lease must no longer be renewed."""
        if self.limit_s is None or not self._started_s:
            return False
        return self.loop.time() > self._started_s + self.limit_s + 5.0

    def _start_timer(self, limit_s: float) -> None:
        self._started_s = self.loop.time()
        if self._manner.watch is None or limit_s <= _SHORT_S:
            reason: StopReason = "timeout" if _timeout_first(self.job) else "deadline"
            self._timer = self.loop.call_later(limit_s, self.stop, reason)

    def _settle_down(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._entered and self._manner.watch:
            self._manner.watch.leave(self.job)
        if self._runner and self._reason is not None:
            # stop() has cancelled the runner: take that back, it has other jobs to run.
            while self._runner.cancelling():
                self._runner.uncancel()

    # --- what follows ---------------------------------------------------------------------------------
    def _after(self, error: BaseException) -> Settlement | None:
        """What follows what the handler raised, also SystemExit: a job must not end its worker."""
        if isinstance(error, asyncio.CancelledError):
            if self._reason is None and _is_cancelling(self._runner):
                raise error  # the worker itself is being torn down
            return self._stopped(error)
        if isinstance(error, KeyboardInterrupt) or self._is_closed():
            raise error
        return self._failed(error)

    def _stopped(self, error: asyncio.CancelledError) -> Settlement | None:
        job = self.job
        match self._reason:
            case "lost":
                return None
            case "shutdown":
                return interrupted(job)
            case "timeout":
                late = JobTimeout(f"the attempt took longer than its timeout of {self.limit_s:g} s")
                return after_attempt(job, late, self._task.gives_up)
            case "deadline":
                return after_attempt(
                    job, JobTimeout("its deadline passed while it ran", code="deadline_exceeded")
                )
            case "cancel":
                return Settlement(job.id, job.fence, "cancel")
            case None:
                return self._failed(error)

    def _failed(self, error: BaseException) -> Settlement:
        if self._context.cancelled and self._reason in (None, "cancel"):
            # It was asked to stop and did, by raising.
            return Settlement(self.job.id, self.job.fence, "cancel", error=describe(error, self.job.attempt))
        if self._reason == "shutdown":
            return interrupted(self.job)
        return after_attempt(self.job, error, self._task.gives_up)


def _is_cancelling(runner: asyncio.Task[Any] | None) -> bool:
    return runner is not None and runner.cancelling() > 0


def _limit_s(job: Claimed) -> float | None:
    limits = [limit for limit in (job.timeout_ms, job.deadline_left_ms) if limit is not None]
    return max(0, min(limits)) / 1000 if limits else None


def _timeout_first(job: Claimed) -> bool:
    if job.timeout_ms is None:
        return False
    return job.deadline_left_ms is None or job.timeout_ms <= job.deadline_left_ms
