"""An event loop whose time is a number: nothing waits, and the same calls run in the same order everywhere.

What is due at one instant runs first come, first served, as asyncio promises; only then does time go on
to the next instant.  So the outcome does not depend on how many turns a Python version needs for a
coroutine, and a seed gives the same run in CPython and in Pyodide.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any


class Strand:
    """A thread of a simulated process: it freezes and dies as one.  Calls made in its context are its own."""

    def __init__(self) -> None:
        self.dead = self.frozen = False
        self._held: list[_Call] = []

    def takes(self, call: _Call) -> bool:
        """Whether the call may run now; otherwise it is held, for ever if the strand is dead."""
        stopped = self.dead or self.frozen
        if stopped:
            self._held.append(call)
        return not stopped

    def thaw(self) -> list[_Call]:
        """What was to run meanwhile."""
        self.frozen = False
        held, self._held = self._held, []
        return held


OWNER: ContextVar[Strand | None] = ContextVar("wherry_simulated_strand", default=None)


class _Call(asyncio.TimerHandle):
    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: VirtualLoop,
        context: Context | None,
    ) -> None:
        inside = copy_context() if context is None else context
        super().__init__(when, callback, args, loop, inside)
        self.owner = inside.get(OWNER)


class VirtualLoop(asyncio.AbstractEventLoop):
    """Runs callbacks and timers by a clock of its own; no files, sockets, threads or signals."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._count = 0
        self._ready: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._closed = False
        self.tasks: list[asyncio.Task[Any]] = []
        self.strands: list[Strand] = []
        self.crashes: list[str] = []
        """What asyncio would have logged: exceptions that nobody took."""

    # --- what asyncio asks of a loop ----------------------------------------------------------------
    def time(self) -> float:
        return self._now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        call = _Call(self._now_s, callback, args, self, context)
        self._ready.append(call)
        return call

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        call = _Call(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, call))
        return call

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to do: a cancelled call is skipped when its turn comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # pyright: ignore[reportIncompatibleMethodOverride] - newer Pythons pass more
        self, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, **options)
        self.tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self._closed:
            self.crashes.append(f"{context.get('message')}: {context.get('exception')!r}")

    # --- running ------------------------------------------------------------------------------------
    def run(self, main: Coroutine[Any, Any, Any], *, until: Callable[[], bool]) -> None:
        """Run `main` and all that it starts until `until` says so, also from inside another running loop."""
        with _instead_of_the_running_loop(self):
            self.create_task(main)
            while not until() and self._turn():
                pass

    def _turn(self) -> bool:
        """Run one callback, or go on to the next instant; False when nothing is left."""
        if not self._ready:
            return self._advance()
        call = self._ready.popleft()
        if not call.cancelled() and (call.owner is None or call.owner.takes(call)):
            call._run()  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - what every loop does with a handle
        return True

    def _advance(self) -> bool:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            return False
        self._now_s = max(self._now_s, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now_s:
            self._ready.append(heapq.heappop(self._timers)[2])
        return True

    def resume(self, strand: Strand) -> None:
        """Let a frozen strand go on with what it missed."""
        self._ready.extend(strand.thaw())

    def close(self) -> None:
        """Unwind every task, so that no coroutine is left behind half run."""
        with _instead_of_the_running_loop(self):
            for strand in self.strands:
                self.resume(strand)
            while pending := [task for task in self.tasks if not task.done()]:
                for task in pending:
                    task.cancel()
                while self._ready:
                    self._unwind(self._ready.popleft())
        self._closed = True
        self._timers.clear()

    def _unwind(self, call: _Call) -> None:
        if not call.cancelled():
            call._run()  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - as above


@contextmanager
def _instead_of_the_running_loop(loop: VirtualLoop) -> Generator[None]:
    """Make `loop` the running one; a loop and task that run already stand aside meanwhile."""
    outer = asyncio._get_running_loop()  # pyright: ignore[reportPrivateUsage] - there is no public way to nest loops
    task = asyncio.current_task() if outer is not None else None
    if outer is not None and task is not None:
        asyncio.tasks._leave_task(outer, task)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - as above
    asyncio._set_running_loop(loop)  # pyright: ignore[reportPrivateUsage] - as above
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)  # pyright: ignore[reportPrivateUsage] - as above
        if outer is not None and task is not None:
            asyncio.tasks._enter_task(outer, task)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - as above
