"""Follows a storage's change feed for one client: wakes waiters, dispatches events.

The order that makes `result()` right on every race: register the waiter, take the cursor, read
the job, follow.  Reading state again after a `resync` is the same `get`.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast

from wherry.errors import JobNotFound, StorageUnavailable
from wherry.events import EVENT_OF, FINAL_EVENTS, Emitter, Event, Listener, call_safely
from wherry.job import JobRow
from wherry.messages import FINAL_STATES, Change, ChangeKind, Changes, Cursor
from wherry.storage.protocol import Storage
from wherry.views import instant

_PAGE = 1000
_RETRY_S = 0.5
NEEDS_ROW = frozenset({"job_progress", "job_complete", "job_error", "job_retry"})


class Follower:
    """One reader of the feed, running while somebody waits or listens.

    Args:
        namespaces: whose jobs; empty for all of them.
        on_error: told when the following ends by an error while somebody listens; waiters get it raised.
    """

    def __init__(
        self,
        storage: Storage,
        namespaces: Sequence[str],
        emitter: Emitter,
        on_error: Callable[[Exception], object],
    ) -> None:
        self._storage, self._namespaces, self._emitter = storage, frozenset(namespaces), emitter
        self._on_error = on_error
        self._waiters: defaultdict[str, set[asyncio.Future[JobRow]]] = defaultdict(set)
        self._by_job: defaultdict[str, list[Listener]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None]
        self._cursor = Cursor("")
        self._kept = 0
        self._failing: set[asyncio.Future[Any]] = set()

    # --- who follows -----------------------------------------------------------------------------
    async def outcome(self, job_id: str) -> JobRow:
        """The row of a job once it is final.  Raises: `JobNotFound`, `StorageUnavailable`."""
        future: asyncio.Future[JobRow] = asyncio.get_running_loop().create_future()
        self._waiters[job_id].add(future)
        try:
            await self.ready()
            if not future.done():
                self._resolve(await self._storage.get([job_id]), [job_id])
            return await future
        finally:
            _seen(future)
            self._waiters[job_id].discard(future)
            if not self._waiters[job_id]:
                del self._waiters[job_id]
            self._stop_if_idle()

    def final_event(self, row: JobRow) -> Event:
        """What the feed says, or will say, of a job that has ended."""
        state = cast("ChangeKind", row.state)
        item = Change(row.id, row.namespace, state, row.revision, f"{row.queue}/{row.task}")
        return make_event(EVENT_OF[state], item, row, self._cursor)

    def watch(self, job_id: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event of one job; returns what ends it."""
        self._by_job[job_id].append(listener)
        self._ensure()

        def stop() -> None:
            with suppress(ValueError):
                self._by_job[job_id].remove(listener)
            if not self._by_job[job_id]:
                del self._by_job[job_id]
            self._stop_if_idle()

        return stop

    async def keep(self) -> None:
        """Follow until `release`, whoever waits."""
        self._kept += 1
        await self.ready()

    def release(self) -> None:
        self._kept = max(0, self._kept - 1)
        self._stop_if_idle()

    def rest(self) -> None:
        """A listener was taken away: stop if nobody is left."""
        self._stop_if_idle()

    @asynccontextmanager
    async def followed(self, future: asyncio.Future[Any]) -> AsyncGenerator[None]:
        """Follow meanwhile; `future` gets the error that ends the following."""
        self._failing.add(future)
        try:
            await self.keep()
            yield
        finally:
            _seen(future)
            self._failing.discard(future)
            self.release()

    async def ready(self) -> None:
        """Return once the feed is being followed: whatever is committed from now on will be seen."""
        self._ensure()
        await asyncio.shield(self._ready)

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        self._fail(StorageUnavailable("the client was closed while it waited: the job goes on."))
        task.cancel()
        await asyncio.wait((task,))

    def poke(self) -> None:
        """Something may have changed what is wanted (a listener was added)."""
        if self._emitter.listening:
            self._ensure()

    def _ensure(self) -> asyncio.Task[None]:
        if self._task is None or self._task.done():
            loop = asyncio.get_running_loop()
            self._ready = loop.create_future()
            self._cursor = Cursor("")
            self._task = loop.create_task(self._follow())
        return self._task

    def _stop_if_idle(self) -> None:
        if self._task and not (self._kept or self._waiters or self._by_job or self._emitter.listening):
            self._task.cancel()
            self._task = None
            if not self._ready.done():
                self._ready.set_result(None)  # whoever still waits for it is to hear nothing any more

    # --- following -------------------------------------------------------------------------------
    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
                error = StorageUnavailable("the storage was closed while a client waited: open it again.")
                self._fail(error)
                return
            except StorageUnavailable:
                # The cursor stands: nothing is missed, the reading goes on where it stopped.
                await asyncio.sleep(_RETRY_S)
            except Exception as error:
                self._fail(error)
                return

    async def _listen(self) -> None:
        async with aclosing(self._storage.listen()) as hints:
            async for _ in hints:
                await self._catch_up()

    async def _catch_up(self) -> None:
        if not self._cursor:
            self._cursor = (await self._storage.changes(Cursor(""), limit=1)).cursor
            self._ready.set_result(None)
            return
        while True:
            page = await self._storage.changes(self._cursor, limit=_PAGE)
            if page.resync:
                await self._read_again()
            elif page.items:
                await self._dispatch(page)
            # Only now: a read of rows that failed must find these changes again.
            self._cursor = page.cursor
            if page.resync or len(page.items) < _PAGE:
                return

    async def _read_again(self) -> None:
        ids = list(self._waiters)
        if ids:
            self._resolve(await self._storage.get(ids), ids)

    async def _dispatch(self, page: Changes) -> None:
        items = [item for item in page.items if self._is_mine(item.namespace)]
        wanted = {item.job_id for item in items if self._needs_row(item)}
        rows: Mapping[str, JobRow] = await self._storage.get(sorted(wanted)) if wanted else {}
        for item in items:
            name = EVENT_OF.get(item.kind)
            if name and (self._emitter.wants(name) or item.job_id in self._by_job):
                event = make_event(name, item, rows.get(item.job_id), page.cursor)
                self._emitter.emit(event)
                for listener in tuple(self._by_job.get(item.job_id, ())):
                    call_safely(listener, event)
        self._resolve(rows, (item.job_id for item in items if EVENT_OF.get(item.kind) in FINAL_EVENTS))

    def _is_mine(self, namespace: str) -> bool:
        return not self._namespaces or namespace in self._namespaces

    def _needs_row(self, item: Change) -> bool:
        name = EVENT_OF.get(item.kind, "")
        if name in FINAL_EVENTS and item.job_id in self._waiters:
            return True
        return name in NEEDS_ROW and (self._emitter.wants(name) or item.job_id in self._by_job)

    def _resolve(self, rows: Mapping[str, JobRow], ids: Iterable[str]) -> None:
        for job_id in ids:
            row = rows.get(job_id)
            for future in self._waiters.get(job_id, ()):
                if future.done():
                    continue
                if row is None or not self._is_mine(row.namespace):
                    future.set_exception(JobNotFound(job_id))
                elif row.state in FINAL_STATES:
                    future.set_result(row)

    def _fail(self, error: Exception) -> None:
        if self._emitter.listening or self._by_job:
            call_safely(self._on_error, error)
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # seen here: nobody may be waiting for it
        for futures in (*self._waiters.values(), self._failing):
            for future in tuple(futures):
                if not future.done():
                    future.set_exception(error)


def _seen(future: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is not one to complain about."""
    if future.done() and not future.cancelled():
        future.exception()


def make_event(name: str, item: Change, row: JobRow | None, cursor: str) -> Event:
    """The event of one change, with what the row says of it by now."""
    queue, _, task = item.lane.partition("/")
    event = Event(name, item.job_id, queue, task, datetime.now(UTC), cursor)
    if row is None:
        return event
    if name == "job_progress":
        details = json.loads(row.details) if row.details else None
        return event._replace(percent=row.percent, message=row.message, details=details)
    if name == "job_complete":
        return event._replace(output=json.loads(row.output) if row.output else None)
    if name not in ("job_error", "job_retry"):
        return event  # the row may be read for a later change of the same page
    last = row.errors.rstrip("\n").rpartition("\n")[2]
    retry_at = instant(row.run_at_ms) if name == "job_retry" else None
    return event._replace(error=json.loads(last) if last else None, retry_at=retry_at)
