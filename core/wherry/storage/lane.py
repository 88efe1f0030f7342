"""A lane: calls of one verb that join while the previous one is under way.

A first call goes out at once, in its caller's own task.  Those that come meanwhile wait, and
leave together as soon as it is back.  So nobody waits for company, and under load a transaction
carries many callers.  Callers that were answered together come back together: after a call that
several shared, the next first one waits until the loop comes round, or it would leave alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from wherry.errors import StorageUnavailable

Q = TypeVar("Q")
R = TypeVar("R")

MOST_ROWS = 512
MOST_BYTES = 4 * 1024 * 1024
"""Of one joined call.  A caller who asks for more goes alone, whole."""


class Size(NamedTuple):
    rows: int
    payload: int = 0
    """Characters of JSON text, which are bytes near enough."""


class _Waiting(NamedTuple, Generic[Q, R]):
    request: Q
    answer: asyncio.Future[R]


class Lane(Generic[Q, R]):
    """Calls of one verb.

    Args:
        send: carries out requests in one call of the storage, an answer for each in order.
        size: of a request.
        company: asked anew for each call, gives a judge that is shown the first request and then, one
            after the other, those behind it, and says whether each can leave together with those so far.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Q]], Awaitable[Sequence[R]]],
        size: Callable[[Q], Size],
        company: Callable[[], Callable[[Q], bool]],
    ) -> None:
        self._send, self._size, self._company = send, size, company
        self._waiting: deque[_Waiting[Q, R]] = deque()
        self._free = asyncio.Event()
        self._free.set()
        self._flushing: asyncio.Task[None] | None = None
        self._shared = False
        """Whether the last call was of several."""

    async def call(self, request: Q) -> R:
        """Carry out one request.  Cancelling it leaves those of others alone."""
        if self._shared or not self._free.is_set():
            return await self._join(request)
        self._free.clear()
        try:
            return (await self._send((request,)))[0]
        finally:
            if self._waiting:
                self._flushing = asyncio.create_task(self._flush_all())
            else:
                self._free.set()

    def _join(self, request: Q) -> asyncio.Future[R]:
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._free.is_set():
            self._free.clear()
            self._flushing = asyncio.create_task(self._flush_all())
        return waiting.answer

    async def drain(self) -> None:
        """Until nobody waits any more."""
        await self._free.wait()

    async def _flush_all(self) -> None:
        try:
            while batch := self._take():
                self._shared = len(batch) > 1
                await self._flush(batch)
        finally:
            # The rest is there only if this task itself was cancelled: the loop is ending.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()
            self._free.set()

    def _take(self) -> list[_Waiting[Q, R]]:
        """Those who leave next: the first, and who fits behind."""
        batch: list[_Waiting[Q, R]] = []
        rows = payload = 0
        fits = self._company()
        while self._waiting:
            call = self._waiting[0]
            if call.answer.done():  # cancelled while it waited: nothing of it is done
                self._waiting.popleft()
                continue
            size = self._size(call.request)
            rows, payload = rows + size.rows, payload + size.payload
            full = rows > MOST_ROWS or payload > MOST_BYTES
            if batch and (full or not fits(call.request)):
                break
            if not batch:
                fits(call.request)
            batch.append(self._waiting.popleft())
        return batch

    async def _flush(self, batch: Sequence[_Waiting[Q, R]]) -> None:
        try:
            answers = await self._send([call.request for call in batch])
        except asyncio.CancelledError:
            for call in batch:
                call.answer.cancel()
            raise
        except Exception as error:
            if len(batch) == 1 or _is_unclear(error):
                _fail(batch, error)
            else:
                await self._each_alone(batch)
            return
        for call, answer in zip(batch, answers, strict=True):
            if not call.answer.done():
                call.answer.set_result(answer)

    async def _each_alone(self, batch: Sequence[_Waiting[Q, R]]) -> None:
        """Nothing was applied: perhaps for one caller's sake, so each is tried by itself."""
        await asyncio.gather(*(self._flush([call]) for call in batch if not call.answer.done()))


def _is_unclear(error: Exception) -> bool:
    """Whether all or nothing was done is not known; by the contract each caller then repeats its call."""
    return isinstance(error, StorageUnavailable) and error.outcome_unknown


def _fail(batch: Sequence[_Waiting[Q, R]], error: Exception) -> None:
    for call in batch:
        if not call.answer.done():
            call.answer.set_exception(error)
