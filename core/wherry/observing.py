"""Events as an iterator, resumable by cursor, and one event to wait for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from wherry.checks import require
from wherry.errors import EventsMissed, EventTimeout, InvalidInput, StorageUnavailable
from wherry.events import EVENT_OF, Emitter, Event, require_event
from wherry.follower import NEEDS_ROW, Follower, make_event
from wherry.job import JobRow
from wherry.messages import Change, Changes, Cursor, Record
from wherry.storage.protocol import Storage

_PAGE = 500
_RETRY_S = 0.5


class Selection(NamedTuple):
    """Which events; empty parts let everything through."""

    namespaces: frozenset[str]
    queue: str | None
    names: frozenset[str]

    def takes(self, item: Change) -> bool:
        name = EVENT_OF.get(item.kind)
        return (
            name is not None
            and (not self.names or name in self.names)
            and (not self.namespaces or item.namespace in self.namespaces)
            and (self.queue is None or item.lane.partition("/")[0] == self.queue)
        )


def selection(
    namespaces: Sequence[str], queue: str | None, names: Sequence[str] | None, since: object = None
) -> Selection:
    """Raises: `InvalidInput`."""
    require("events", {"queue": queue, "cursor": since})
    if isinstance(names, str):
        raise InvalidInput("events", [f"names: must be a list of event names, not {names!r}"])
    for name in names or ():
        require_event("events", name)
        if name not in EVENT_OF.values():
            raise InvalidInput("events", [f"names: {name!r} is not in the feed; hear it with `client.on`"])
    return Selection(frozenset(namespaces), queue, frozenset(names or ()))


async def events(storage: Storage, chosen: Selection, since: str | None) -> AsyncGenerator[Event]:
    """Events in commit order; each page of the feed is read once, and no wait polls.

    Raises: `EventsMissed` when the cursor is too old or of another store; `StorageUnavailable` when the
        storage is closed.
    """
    cursor = Cursor(since or "")
    while True:
        try:
            if not cursor:
                cursor = (await storage.changes(cursor, limit=1)).cursor
            async with aclosing(storage.listen()) as hints:
                async for _ in hints:
                    more = True
                    while more:
                        page = await _page(storage, cursor)
                        found = await _events_of(storage, page, chosen, cursor)
                        cursor, more = page.cursor, len(page.items) >= _PAGE
                        for event in found:
                            yield event
            raise StorageClosed
        except StorageClosed:
            raise StorageUnavailable("the storage was closed: open it again.") from None
        except StorageUnavailable:
            # The cursor stands: nothing is missed, the reading goes on where it stopped.
            await asyncio.sleep(_RETRY_S)


class StorageClosed(Exception):
    """Its hints have ended."""


async def _page(storage: Storage, cursor: Cursor) -> Changes:
    page = await storage.changes(cursor, limit=_PAGE)
    if page.resync:
        raise EventsMissed(page.cursor)
    return page


async def _events_of(storage: Storage, page: Changes, chosen: Selection, since: str) -> list[Event]:
    taken = [item for item in page.items if chosen.takes(item)]
    wanted = {item.job_id for item in taken if EVENT_OF[item.kind] in NEEDS_ROW}
    rows: Mapping[str, JobRow] = await storage.get(sorted(wanted)) if wanted else {}
    # Only behind its last item is the page over: who goes on from an earlier one gets the page again.
    cursors = [page.cursor if item is page.items[-1] else since for item in taken]
    return [
        make_event(EVENT_OF[item.kind], item, rows.get(item.job_id), cursor)
        for item, cursor in zip(taken, cursors, strict=True)
    ]


async def wait_for_event(
    follower: Follower,
    emitter: Emitter,
    name: str,
    timeout_s: float | None,
    where: Callable[[Event], object] | None,
) -> Event:
    """The next event of that name that `where` accepts.  Raises: `EventTimeout`, `StorageUnavailable`."""
    require("wait_for_event", {"timeout": timeout_s})
    future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def hear(event: Event) -> None:
        try:
            if not future.done() and (where is None or where(event)):
                future.set_result(event)
        except Exception as error:
            future.set_exception(error)

    stop = emitter.on(name, hear)
    try:
        async with asyncio.timeout(timeout_s), follower.followed(future):
            return await future
    except TimeoutError:
        raise EventTimeout(name, timeout_s or 0) from None
    finally:
        stop()
        follower.rest()


# --- log lines -----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LogLine:
    """One `context.log(...)` of a job.  `number` grows; gaps mean nothing."""

    number: int
    message: str
    fields: Mapping[str, Any]


async def read_logs(storage: Storage, job_id: str) -> list[LogLine]:
    return [_line(record) for record in await storage.read("log", prefix=f"{job_id}/")]


def _line(record: Record) -> LogLine:
    facts = cast("dict[str, Any]", json.loads(record.value))
    return LogLine(int(record.key.rpartition("/")[2]), str(facts.pop("message", "")), facts)
