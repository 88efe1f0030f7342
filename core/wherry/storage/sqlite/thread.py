"""One thread that owns a store's connection: verbs queue up for it, urgent ones go first."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from wherry.errors import StorageUnavailable
from wherry.storage.sqlite.session import Session

T = TypeVar("T")


class _Call(NamedTuple):
    work: Callable[[Session], Any]
    answer: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class StoreThread:
    """Runs calls one after the other, whatever threads and loops they come from.

    Args:
        name: of the thread.
        opener: makes the session, on the thread.
    """

    def __init__(self, name: str, opener: Callable[[], Session]) -> None:
        self._opener = opener
        self._urgent: deque[_Call] = deque()
        self._usual: deque[_Call] = deque()
        self._arrivals: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = True
        # A daemon: who forgets to leave the store must still be able to exit.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def start(self) -> str:
        """Open the session, what it raises is raised here; the store's id."""
        opened = self._enqueue(lambda session: session.store_id)
        self._thread.start()
        try:
            return await opened
        except asyncio.CancelledError:
            self._enqueue(Session.close, last=True)
            raise

    async def call(self, work: Callable[[Session], T], *, urgent: bool = False) -> T:
        """Run `work` on the thread.  Cancelling waits for nothing: what has begun is finished there."""
        return await self._enqueue(work, urgent=urgent)

    async def stop(self) -> None:
        """Finish what is queued, close the session, end the thread."""
        closed = self._enqueue(Session.close, last=True)
        await asyncio.shield(closed)
        self._thread.join()

    def nudge(self) -> None:
        """Make the thread look up: somebody listens now."""
        self._enqueue(_nothing)

    def _enqueue(
        self, work: Callable[[Session], Any], *, urgent: bool = False, last: bool = False
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            if not self._open:
                raise StorageUnavailable("this store is closed: use it inside its `async with`.")
            self._open = not last
            (self._urgent if urgent else self._usual).append(_Call(work, answer, loop))
            # Inside the lock, so that the last one is the last to arrive.
            self._arrivals.put(last)
        return answer

    # --- on the thread ---------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            session = self._opener()
        except BaseException as error:  # whatever it is, it belongs to the one who waits for the opening
            self._fail(error)
            return
        last = False
        while not last:
            last = self._wait(session)
            call = (self._urgent or self._usual).popleft()
            _carry_out(call, session)

    def _wait(self, session: Session) -> bool:
        """Until a call has come; listeners are served in between.  True at the last call."""
        while True:
            due_s = session.poll_in_s()
            if due_s == 0.0:
                session.poll()
                continue
            try:
                return self._arrivals.get(timeout=due_s)
            except queue.Empty:
                continue

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._open = False
            waiting = [*self._urgent, *self._usual]
        for call in waiting:
            _deliver(call, None, error)


def _nothing(session: Session) -> None:
    return None


def _carry_out(call: _Call, session: Session) -> None:
    if call.answer.cancelled():  # nobody waits for it any more, and nothing of it was done
        return
    try:
        result = call.work(session)
    except BaseException as error:  # carried to the caller, whatever it is: this thread serves others too
        _deliver(call, None, error)
    else:
        _deliver(call, result, None)


def _deliver(call: _Call, result: Any, error: BaseException | None) -> None:
    # A closed loop has nobody left who waits.
    try:
        call.loop.call_soon_threadsafe(_answer, call.answer, result, error)
    except RuntimeError:
        return


def _answer(answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
