"""The feed over HTTP: event streams that resume, long polls, and what becomes of readers that go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest

from tests.server.conftest import ALL, LIMITS, Site, client, job
from wherry.messages import Cursor, Filter
from wherry_server import create_app
from wherry_server.serving import serving

PATIENCE_S = 10.0


class Event(NamedTuple):
    name: str
    data: Any
    id: str


@asynccontextmanager
async def stream(
    http: httpx.AsyncClient, query: str = "", last_id: str = ""
) -> AsyncGenerator[AsyncIterator[Event]]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with http.stream("GET", f"/api/v1/events{query}", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield events(response)


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """As the standard reads them: an id stands until the next one, no data means no event."""
    last_id, name, data = "", "message", ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            last_id = value
        elif field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line and (data or name != "message"):
            yield Event(name, json.loads(data), last_id)
            name, data = "message", ""
        elif not line:
            yield Event("", None, last_id)


async def take(found: AsyncIterator[Event], count: int) -> list[Event]:
    """The next events that show something."""
    taken: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            event = await anext(found)
            if event.name:
                taken.append(event)
    return taken


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the server's thread
            await asyncio.sleep(0.01)


async def test_a_stream_tells_each_change(site: Site, http: httpx.AsyncClient) -> None:
    async with stream(http) as found:
        (ready,) = await take(found, 1)
        await site.storage.add([job("a", queue="text", task="count")])
        await site.storage.alter(Filter(ids=("a",)), "cancel", limit=1)
        changes = await take(found, 2)

    assert (ready.name, bool(ready.id)) == ("ready", True)
    assert [(event.name, event.data) for event in changes] == [
        (
            "change",
            {"job_id": "a", "namespace": "", "kind": kind, "revision": revision, "lane": "text/count"},
        )
        for kind, revision in (("added", 1), ("cancelled", 2))
    ]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?job=b", ["b"]),
        ("?job=b&job=c", ["b", "c"]),
        ("?queue=text", ["a", "c"]),
        ("?task=count", ["a"]),
        ("?namespace=n", ["c"]),
        ("?queue=text&namespace=n", ["c"]),
    ],
)
async def test_a_filter_leaves_out_the_rest(
    site: Site, http: httpx.AsyncClient, query: str, wanted: list[str]
) -> None:
    async with stream(http, query) as found:
        await take(found, 1)
        await site.storage.add([job("a", queue="text", task="count")])
        await site.storage.add([job("b")])
        await site.storage.add([job("c", queue="text", namespace="n")])
        told = await take(found, len(wanted))

    assert [event.data["job_id"] for event in told] == wanted


async def test_what_is_left_out_moves_the_cursor_all_the_same(site: Site, http: httpx.AsyncClient) -> None:
    async with stream(http, "?job=z") as found:
        (ready,) = await take(found, 1)
        await site.storage.add([job("a")])
        async with asyncio.timeout(PATIENCE_S):
            silent = await anext(found)

    head = (await site.storage.changes(Cursor(""), limit=1)).cursor
    assert (silent.name, silent.id) == ("", head)
    assert silent.id != ready.id


async def read_some(http: httpx.AsyncClient, last_id: str, count: int, seen: set[str]) -> str:
    """Read so many events, then drop the connection."""
    async with stream(http, "", last_id) as found:
        for _ in range(count):
            event = await anext(found)
            last_id = event.id or last_id
            if event.name == "change":
                seen.add(event.data["job_id"])
    return last_id


async def test_a_reader_that_drops_again_and_again_loses_nothing(site: Site) -> None:
    """The connection breaks after a few events each time, while jobs are being added."""
    wanted = {f"j{number:03}" for number in range(200)}
    seen: set[str] = set()
    chance = random.Random(7)
    cursor: str = (await site.storage.changes(Cursor(""), limit=1)).cursor

    async def submit() -> None:
        for job_id in sorted(wanted):
            await site.storage.add([job(job_id)])
            await asyncio.sleep(0.001)

    adding = asyncio.create_task(submit())
    async with asyncio.timeout(30), client(site.url) as http:
        while not adding.done() or len(seen) < len(wanted):
            reading = asyncio.create_task(read_some(http, cursor, chance.randint(1, 100), seen))
            await asyncio.wait((reading,), timeout=0.5)
            reading.cancel()
            cursor = reading.result() if reading.done() and not reading.cancelled() else cursor

    await adding
    assert seen == wanted


@pytest.mark.parametrize("place", ["query", "header"])
async def test_a_cursor_goes_on_where_it_was(site: Site, http: httpx.AsyncClient, place: str) -> None:
    since = (await site.storage.changes(Cursor(""), limit=1)).cursor
    await site.storage.add([job("a"), job("b")])

    async with stream(http, *((f"?since={since}",) if place == "query" else ("", since))) as found:
        told = await take(found, 3)

    assert [event.name for event in told] == ["ready", "change", "change"]
    assert [event.data["job_id"] for event in told[1:]] == ["a", "b"]


async def test_a_foreign_cursor_asks_to_read_state_again(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.add([job("a")])

    async with stream(http, "", "0123:7") as found:
        told = await take(found, 2)
        await site.storage.add([job("b")])
        (change,) = await take(found, 1)

    assert [event.name for event in told] == ["ready", "resync"]
    assert (change.name, change.data["job_id"]) == ("change", "b")


async def test_an_idle_stream_has_a_heartbeat(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/api/v1/events") as response, asyncio.timeout(PATIENCE_S):
        async for line in response.aiter_lines():
            if line.startswith(":"):
                assert line == ": still here"
                return
    pytest.fail("the stream ended")


@pytest.mark.parametrize("token", ["token-submit", "token-work", "token-operate", "token-observe"])
async def test_hints_are_for_every_token(site: Site, token: str) -> None:
    async with client(site.url, token) as http, stream(http, "?hints=true") as found:
        (ready,) = await take(found, 1)
        await site.storage.add([job("a")])
        (hint,) = await take(found, 1)

    assert (ready.name, hint.name, hint.data) == ("ready", "hint", {})


@pytest.mark.parametrize("token", ["token-submit", "token-work", "token-operate"])
async def test_changes_are_for_observers(site: Site, token: str) -> None:
    async with client(site.url, token) as http:
        answers = [await http.get(f"/api/v1/{path}") for path in ("events", "changes")]

    assert [(a.status_code, a.json()["scope"]) for a in answers] == [(403, "observe")] * 2


async def test_a_reader_that_goes_is_forgotten(site: Site, http: httpx.AsyncClient) -> None:
    service = site.app.state.service
    async with stream(http) as found:
        await take(found, 1)
        assert service.waiting == 1

    await until(lambda: service.waiting == 0)


async def test_a_reader_that_takes_nothing_is_closed_and_costs_no_memory(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel buffers fill, then the server stops reading the feed for it and gives it up."""
    pages = 0
    read = site.storage.changes

    async def counted(since: Cursor, *, limit: int) -> Any:
        nonlocal pages
        pages += 1
        return await read(since, limit=limit)

    monkeypatch.setattr(site.storage, "changes", counted)
    url = httpx.URL(site.url)
    head = (await read(Cursor(""), limit=1)).cursor
    for start in range(0, 20_000, 500):
        await site.storage.add([job(f"j{start + n}", queue="q" * 1000) for n in range(500)])
    with socket.create_connection((url.host, url.port or 0)) as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET {url.path}/api/v1/events?since={head} HTTP/1.1\r\nHost: localhost\r\n"
        sleeper.sendall(f"{request}Authorization: Bearer {ALL}\r\n\r\n".encode())
        await until(lambda: site.app.state.service.waiting == 1)
        await until(lambda: site.app.state.service.waiting == 0)

    # 40 transactions of 0.6 MB each: some are in the kernel's buffers, none wait in this process.
    assert pages < 35
    assert f"its reader took nothing for {LIMITS.send_timeout_s} s" in caplog.text


async def test_a_poll_returns_what_there_is(site: Site, http: httpx.AsyncClient) -> None:
    head = (await http.get("/api/v1/changes")).json()
    await site.storage.add([job("a")])

    page = (await http.get("/api/v1/changes", params={"since": head["cursor"], "wait_s": 5})).json()

    assert (head["items"], head["resync"]) == ([], False)
    assert [change["job_id"] for change in page["items"]] == ["a"]


async def test_a_poll_waits_for_the_next_change(site: Site, http: httpx.AsyncClient) -> None:
    polling = asyncio.create_task(http.get("/api/v1/changes?wait_s=5"))
    await until(lambda: site.app.state.service.waiting == 1)
    # The hint of the feed's own start may still be on its way: it must not end the poll.
    await asyncio.sleep(0.05)
    assert not polling.done()

    await site.storage.add([job("a")])

    page = (await polling).json()
    assert [change["job_id"] for change in page["items"]] == ["a"]


async def test_a_poll_ends_empty_when_its_time_is_over(http: httpx.AsyncClient) -> None:
    started = time.monotonic()

    page = (await http.get("/api/v1/changes?wait_s=0.3")).json()

    assert page["items"] == []
    assert 0.25 < time.monotonic() - started < 5


async def test_a_poll_of_a_foreign_cursor_does_not_wait(http: httpx.AsyncClient) -> None:
    page = (await http.get("/api/v1/changes?since=0123:7&wait_s=5")).json()

    assert (page["items"], page["resync"]) == ([], True)


async def test_a_poll_whose_client_goes_is_forgotten(site: Site) -> None:
    async with client(site.url) as http:
        polling = asyncio.create_task(http.get("/api/v1/changes?wait_s=5"))
        await until(lambda: site.app.state.service.waiting == 1)
        polling.cancel()

    started = time.monotonic()
    await until(lambda: site.app.state.service.waiting == 0)
    assert time.monotonic() - started < 2


async def test_a_stop_does_not_wait_for_streams_and_polls(site: Site) -> None:
    app = create_app(site.storage, tokens={ALL: ["observe"]})
    async with contextlib.AsyncExitStack() as stack:
        async with serving(app) as address:
            http = await stack.enter_async_context(client(address.url))
            reading = asyncio.create_task(http.get("/api/v1/events"))
            polling = asyncio.create_task(http.get("/api/v1/changes?wait_s=60"))
            await until(lambda: app.state.service.waiting == 2)
            started = time.monotonic()

        assert time.monotonic() - started < 2
        assert (await reading).text.splitlines()[1] == "event: ready"
        assert (await polling).json()["items"] == []
