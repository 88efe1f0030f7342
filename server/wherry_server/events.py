"""The feed over HTTP: server-sent events, and a long poll as the second form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherry.errors import StorageError
from wherry.messages import Change, Changes, Cursor
from wherry.storage.shapes import shape
from wherry.storage.wire import VERBS
from wherry_server.auth import require
from wherry_server.door import check
from wherry_server.operations import API, Call, Operation, parameter
from wherry_server.problems import log
from wherry_server.service import Service, Waker

PAGE = 64
"""Changes read at once: what a stream holds in memory, and what a broken one sends again at most."""

Wanted = Callable[[Change], bool]

_CHANGE = shape(Change)
_FILTERS = ("job", "queue", "task", "namespace")


class _Stream(EventSourceResponse):
    """An event stream that ends quietly when its reader takes nothing any more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.warning("an event stream was closed: its reader took nothing for %s s", self.send_timeout)


async def _stream(call: Call) -> Response:
    query = call.query(_EVENTS_QUERY)
    if query["hints"]:
        events = _hints(call.service)
    else:
        require(call.scopes, "observe")
        since = call.request.headers.get("last-event-id") or query["since"]
        events = _changes(call.service, Cursor(since), _wanted(query))
    limits = call.service.limits
    return _Stream(
        _until_it_fails(events),
        ping=limits.heartbeat_s,
        sep="\n",
        send_timeout=limits.send_timeout_s,
        ping_message_factory=_heartbeat,
    )


def _heartbeat() -> ServerSentEvent:
    return ServerSentEvent(comment="still here")


async def _until_it_fails(events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The stream ends when the storage fails: its reader connects again and is told then."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except StorageError as error:
            log.warning("an event stream was closed: %s", error)


async def _hints(service: Service) -> AsyncGenerator[bytes]:
    """Only that something changed: for those who read `changes` themselves."""
    async with service.waker() as waker:
        yield _event("ready")
        while await waker.wait():
            yield _event("hint")


async def _changes(service: Service, since: Cursor, wanted: Wanted) -> AsyncGenerator[bytes]:
    """The changes themselves.  One page is read, sent, and only then the next one read."""
    async with service.waker() as waker:
        page = await service.storage.changes(since, limit=PAGE)
        yield _event("ready", id=since or page.cursor)
        while True:
            if page.items or page.resync:
                yield _text(page, wanted)
            if not page.items and not await waker.wait():
                return
            page = await service.storage.changes(page.cursor, limit=PAGE)


def _text(page: Changes, wanted: Wanted) -> bytes:
    """A page as one piece, so that it is one write."""
    if page.resync:
        return _event("resync", id=page.cursor)
    changes = (json.dumps(_CHANGE.to_json(change)) for change in page.items if wanted(change))
    # The cursor comes after the last change, or a reader cut off in the middle would miss the rest.
    # An id without data moves a reader's Last-Event-ID and shows it nothing.
    return b"".join(_event("change", data) for data in changes) + _event(id=page.cursor)


def _event(event: str | None = None, data: str | None = None, *, id: str | None = None) -> bytes:
    if event is not None and data is None:
        data = "{}"
    return ServerSentEvent(data, event=event, id=id, sep="\n").encode()


def _wanted(query: Mapping[str, Any]) -> Wanted:
    """Which changes a reader asked for.  `lane` is `queue/task`."""
    jobs, queues, tasks, namespaces = (query[name] for name in _FILTERS)

    def wanted(change: Change) -> bool:
        return (
            (not jobs or change.job_id in jobs)
            and (not namespaces or change.namespace in namespaces)
            and (not queues or any(change.lane.startswith(f"{queue}/") for queue in queues))
            and (not tasks or any(change.lane.endswith(f"/{task}") for task in tasks))
        )

    return wanted


async def _poll(call: Call) -> Response:
    query = call.query(_POLL_QUERY)
    check(query, 0)
    service, limit = call.service, min(query["limit"], call.service.limits.max_page)
    async with service.waker() as waker, _watched(call.request, waker):
        page = await service.storage.changes(Cursor(query["since"]), limit=limit)
        wait_s = min(query["wait_s"], service.limits.max_wait_s)
        if not page.items and not page.resync and wait_s > 0 and await waker.wait(wait_s):
            page = await service.storage.changes(page.cursor, limit=limit)
    return Response(VERBS["changes"].write_result(page), media_type="application/json")


@asynccontextmanager
async def _watched(request: Request, waker: Waker) -> AsyncGenerator[None]:
    """Wakes the poll when its client goes, so that nothing waits for nobody."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        waker.wake()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


_EVENTS_QUERY = (
    parameter("since", str, ""),
    *(parameter(name, Sequence[str], ()) for name in _FILTERS),
    parameter("hints", bool, False),
)
_POLL_QUERY = (parameter("since", str, ""), parameter("wait_s", float, 0.0), parameter("limit", int, PAGE))

OPERATIONS = (
    Operation(
        "GET",
        f"{API}/events",
        "events",
        _stream,
        "Follow what happens, as server-sent events.",
        answer=str,
        media_type="text/event-stream",
        description=(
            "`ready` once; `change` for each transition; `resync` when the cursor is too old or of another "
            "store: read state again.  The id of an event is a cursor: send it back as `Last-Event-ID` or "
            "`since`.  `job`, `queue`, `task` and `namespace` may be repeated.  A change may come twice: its "
            "`revision` tells.  With `hints=true`, which any token may ask for, only `hint` events come."
        ),
        query=_EVENTS_QUERY,
    ),
    Operation(
        "GET",
        f"{API}/changes",
        "changes",
        _poll,
        "Changes after a cursor; held for up to `wait_s` seconds while there are none.",
        scopes=("observe",),
        answer=Changes,
        query=_POLL_QUERY,
    ),
)
