"""One thread that owns a store's connection: verbs queue up for it, urgent ones go first."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from wherry.errors import StorageUnavailable
from wherry.storage.sqlite.session import Session

T = TypeVar("T")


class _Call(NamedTuple):
    work: Callable[[Session], Any]
    answer: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    in_company: bool
    last: bool


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
        self._arrivals: queue.SimpleQueue[None] = queue.SimpleQueue()
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
            self._arrivals.put(None)
            raise

    def call(
        self, work: Callable[[Session], T], *, urgent: bool = False, in_company: bool = False
    ) -> asyncio.Future[T]:
        """Queue `work` for the thread.  Cancelling waits for nothing: what has begun is finished there.

        Args:
            urgent: before all that is not.
            in_company: others were told of this call and will queue theirs behind it.  The loop comes round
                twice before the thread begins, and it is answered with the next one: the two threads need
                not fight for the interpreter in between.
        """
        answer = self._enqueue(work, urgent=urgent, in_company=in_company)
        if in_company:
            loop = answer.get_loop()
            loop.call_soon(loop.call_soon, self._arrivals.put, None)
        else:
            self._arrivals.put(None)
        return answer

    async def stop(self) -> None:
        """Finish what is queued, close the session, end the thread."""
        closed = self._enqueue(Session.close, last=True)
        self._arrivals.put(None)
        await asyncio.shield(closed)
        self._thread.join()

    def nudge(self) -> None:
        """Make the thread look up: somebody listens now."""
        self._arrivals.put(None)

    def _enqueue(
        self,
        work: Callable[[Session], Any],
        *,
        urgent: bool = False,
        in_company: bool = False,
        last: bool = False,
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            if not self._open:
                raise StorageUnavailable("this store is closed: use it inside its `async with`.")
            self._open = not last
            (self._urgent if urgent else self._usual).append(_Call(work, answer, loop, in_company, last))
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
            call = self._next(session)
            answers = [_carried_out(call, session)]
            if call.in_company and self._usual:
                call = self._usual.popleft()
                answers.append(_carried_out(call, session))
            _deliver(answers)
            session.ring()
            last = call.last

    def _next(self, session: Session) -> _Call:
        """The next call, waited for; listeners are served in between."""
        while True:
            due_s = session.poll_in_s()
            if due_s == 0.0:
                session.poll()
            elif waiting := self._urgent or self._usual:
                return waiting.popleft()
            else:
                with suppress(queue.Empty):
                    self._arrivals.get(timeout=due_s)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._open = False
            waiting = [*self._urgent, *self._usual]
        _deliver([_Answer(call, None, error) for call in waiting])


class _Answer(NamedTuple):
    call: _Call
    result: Any
    error: BaseException | None

    def give(self) -> None:
        answer = self.call.answer
        if answer.done():
            return
        if self.error is None:
            answer.set_result(self.result)
        else:
            answer.set_exception(self.error)


def _carried_out(call: _Call, session: Session) -> _Answer:
    if call.answer.cancelled():  # nobody waits for it any more, and nothing of it was done
        return _Answer(call, None, None)
    try:
        return _Answer(call, call.work(session), None)
    except BaseException as error:  # carried to the caller, whatever it is: this thread serves others too
        return _Answer(call, None, error)


def _deliver(answers: Sequence[_Answer]) -> None:
    for loop, group in groupby(answers, lambda answer: answer.call.loop):
        # A closed loop has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_give, list(group))


def _give(answers: Sequence[_Answer]) -> None:
    for answer in answers:
        answer.give()
