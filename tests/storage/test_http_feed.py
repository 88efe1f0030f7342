"""A wherry server as the storage: hearing of changes, other threads, workers and clients."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

import pytest

from tests.storage.remote import TOKEN, job, served, shorten_pauses
from wherry import Client, Server, task
from wherry.errors import JobFailed
from wherry.messages import Cursor
from wherry.storage import http
from wherry.storage.http import HTTPStorage
from wherry.storage.memory import MemoryStorage
from wherry_server import Limits, create_app
from wherry_server.auth import SCOPES
from wherry_server.serving import serving


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_pauses(monkeypatch)


# --- hearing of changes --------------------------------------------------------------------------------
async def hint(listener: http.HintListener) -> None:
    async with asyncio.timeout(10):
        await anext(listener)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the server
            await asyncio.sleep(0.01)


async def test_a_listener_hears_of_what_others_do() -> None:
    async with served() as (url, storage), HTTPStorage(url, token=TOKEN) as remote:
        cursor = (await remote.changes(Cursor(""), limit=1)).cursor
        listener = remote.listen()
        await hint(listener)
        await storage.add([job("a")])
        found: list[str] = []
        while not found:
            await hint(listener)
            page = await remote.changes(cursor, limit=10)
            found, cursor = [change.job_id for change in page.items], page.cursor
        await listener.aclose()

    assert found == ["a"]


async def test_a_listener_outlives_a_restart_of_the_server() -> None:
    store = MemoryStorage("served")
    async with contextlib.AsyncExitStack() as stack:
        async with served(store=store) as (url, _):
            remote = await stack.enter_async_context(HTTPStorage(url, token=TOKEN))
            cursor = (await remote.changes(Cursor(""), limit=1)).cursor
            listener = remote.listen()
            await hint(listener)
        await store.add([job("a")])
        async with served(port=int(url.rpartition(":")[2]), store=store) as (again, _):
            assert again == url, "the port was taken by another program meanwhile"
            found: list[str] = []
            while not found:
                await hint(listener)
                page = await remote.changes(cursor, limit=10)
                found, cursor = [change.job_id for change in page.items], page.cursor
        await listener.aclose()

    assert found == ["a"]


async def test_listeners_share_one_stream_that_ends_with_the_last() -> None:
    async with MemoryStorage("served") as storage:
        app = create_app(storage, tokens={TOKEN: SCOPES}, limits=Limits(heartbeat_s=0.05))
        async with serving(app) as address, HTTPStorage(address.url, token=TOKEN) as remote:
            listeners = [remote.listen() for _ in range(5)]
            for listener in listeners:
                await hint(listener)
            await until(lambda: app.state.service.waiting > 0)
            await storage.add([job("a")])
            for listener in listeners:
                await hint(listener)
            assert app.state.service.waiting == 1

            for listener in listeners:
                await listener.aclose()
            await until(lambda: app.state.service.waiting == 0)

            again = remote.listen()
            await until(lambda: app.state.service.waiting == 1)
            await again.aclose()


async def test_leaving_ends_the_stream() -> None:
    async with MemoryStorage("served") as storage:
        app = create_app(storage, tokens={TOKEN: SCOPES})
        async with serving(app) as address:
            async with HTTPStorage(address.url, token=TOKEN) as remote:
                remote.listen()
                await until(lambda: app.state.service.waiting == 1)
            await until(lambda: app.state.service.waiting == 0)


async def test_a_fork_serves_another_thread() -> None:
    async with served() as (url, storage), HTTPStorage(url, token=TOKEN) as remote:
        fork = remote.fork()
        done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        async def elsewhere() -> list[str]:
            async with fork:
                await fork.add([job("a")])
                return list(await fork.get(["a"]))

        def run() -> None:
            found = asyncio.run(elsewhere())
            loop.call_soon_threadsafe(done.set_result, found)

        thread = threading.Thread(target=run)
        thread.start()
        found = await done
        thread.join()

        assert found == ["a"]
        assert fork.capabilities == remote.capabilities
        assert list(await storage.get(["a"])) == ["a"]


# --- all of it -----------------------------------------------------------------------------------------
@task(name="http.shout", max_attempts=1)
async def shout(text: str) -> str:
    if not text:
        raise ValueError("nothing to shout")
    return text.upper()


async def test_a_worker_and_a_client_meet_at_a_server() -> None:
    async with (
        served() as (url, _),
        HTTPStorage(url, token=TOKEN) as for_work,
        HTTPStorage(url, token=TOKEN) as for_client,
        Server(for_work, [shout], concurrency=4),
    ):
        client = Client(for_client)
        handles = [await client.submit("http.shout", word) for word in ("one", "two", "")]
        results = [await handle.result(timeout=20) for handle in handles[:2]]
        with pytest.raises((JobFailed, ValueError), match="nothing to shout"):
            await handles[2].result(timeout=20)
        await client.disconnect()

    assert results == ["ONE", "TWO"]
