"""C6, C7: events as iterators, waits and one-time listeners; many namespaces; what ends the following."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.core.jobs import ALL, add_one, always_fail, count_words, running
from wherry import (
    Client,
    Event,
    EventsMissed,
    EventTimeout,
    Filter,
    InvalidInput,
    JobNotFound,
    Server,
    StorageUnavailable,
    Unauthorized,
    open_storage,
)
from wherry.messages import Cursor


async def take(stream: AsyncIterator[Event], number: int) -> list[Event]:
    async with asyncio.timeout(10):
        return [await anext(stream) for _ in range(number)]


@pytest.fixture(params=["memory:", "sqlite:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)


# --- iterating -----------------------------------------------------------------------------------------
async def test_events_are_iterated_and_gone_on_with_from_a_cursor(url: str) -> None:
    async with running(url) as (client, _):
        # From a cursor here too: without one the iterator takes it at some time after it is first asked.
        head = (await client.storage.changes(Cursor(""), limit=1)).cursor
        handle = await client.submit(count_words, "one two")
        async with aclosing(client.events(names=["job_added", "job_complete"], since=head)) as stream:
            added = await asyncio.wait_for(anext(stream), 10)
        await handle
        later = await client.submit(always_fail, "later")
        async with aclosing(client.events(since=added.cursor)) as stream:
            seen: list[Event] = []
            async for event in stream:
                seen.append(event)
                if event.name == "job_error":
                    break

    assert (added.name, added.job_id) == ("job_added", handle.id)
    names = [event.name for event in seen if event.job_id == handle.id]
    assert [name for name in names if name in ("job_start", "job_complete")] == ["job_start", "job_complete"]
    assert [event.output for event in seen if event.name == "job_complete"] == [2]
    assert [e.name for e in seen if e.job_id == later.id][:2] == ["job_added", "job_start"]


async def test_going_on_from_any_event_misses_none(url: str) -> None:
    async with open_storage(url) as storage:
        client = Client(storage)
        head = (await storage.changes("", limit=1)).cursor  # type: ignore[arg-type]
        handles = await client.submit_many(add_one, range(5))  # one transaction
        ids = [handle.id for handle in handles]
        async with aclosing(client.events(since=head)) as stream:
            events = await take(stream, 5)
        assert [event.job_id for event in events] == ids

        for number, event in enumerate(events[:-1]):
            async with aclosing(client.events(since=event.cursor)) as stream:
                rest = await take(stream, 1)
            assert rest[0].job_id in ids[: number + 2]
        await client.cancel(ids[0])
        async with aclosing(client.events(since=events[-1].cursor)) as stream:
            assert [event.name for event in await take(stream, 1)] == ["job_cancelled"]


async def test_events_are_chosen_by_queue(url: str) -> None:
    async with open_storage(url) as storage:
        client = Client(storage)
        head = (await storage.changes("", limit=1)).cursor  # type: ignore[arg-type]
        await client.submit(add_one, 1)
        mail = await client.submit(add_one.options(queue="mail"), 2)
        async with aclosing(client.events(queue="mail", since=head)) as stream:
            (event,) = await take(stream, 1)

    assert (event.job_id, event.queue, event.task) == (mail.id, "mail", "add_one")


async def test_a_cursor_of_another_store_is_told_with_the_place_to_go_on() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        with pytest.raises(EventsMissed, match="read the jobs again") as caught:
            await anext(client.events(since="elsewhere:12"))
        async with aclosing(client.events(since=caught.value.cursor)) as stream:
            handle = await client.submit(add_one, 1)
            assert (await take(stream, 1))[0].job_id == handle.id


async def test_the_iterator_ends_when_the_storage_is_closed() -> None:
    storage = open_storage("memory:")
    await storage.__aenter__()
    stream = Client(storage).events()
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await storage.__aexit__(None, None, None)

    with pytest.raises(StorageUnavailable, match="the storage was closed"):
        await asyncio.wait_for(first, 5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"names": ["job_done"]}, "name: 'job_done' is no event; there are job_added"),
        ({"names": "job_added"}, "names: must be a list of event names, not 'job_added'"),
        ({"names": ["server_stop"]}, "names: 'server_stop' is not in the feed; hear it with `client.on`"),
        ({"queue": "a/b"}, "queue: must hold no '/'"),
    ],
)
async def test_a_wrong_choice_of_events_is_refused(options: dict[str, Any], problem: str) -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(InvalidInput) as caught:
            Client(storage).events(**options)
    assert problem in str(caught.value)


# --- once, wait_for_event --------------------------------------------------------------------------------
async def test_once_hears_once() -> None:
    heard: list[str] = []
    async with running() as (client, _):
        client.once("job_complete", lambda event: heard.append(event.job_id))
        first = await client.submit(add_one, 1)
        await first
        await (await client.submit(add_one, 2))

    assert heard == [first.id]


async def test_an_event_is_waited_for_without_attach_or_connect(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as here, open_storage(url) as there:
        client = Client(here)
        waiting = asyncio.ensure_future(
            client.wait_for_event("job_complete", timeout=10, where=lambda event: event.output == 3)
        )
        await client.follower.ready()
        async with Server(there, ALL):
            handles = await Client(there).submit_many(add_one, [1, 2])
            event = await waiting

    assert event.job_id == handles[1].id


async def test_waiting_for_an_event_gives_up_and_says_so() -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(EventTimeout, match=r"no job_complete came within 0.01 s"):
            await Client(storage).wait_for_event("job_complete", 0.01)
        with pytest.raises(InvalidInput, match="name: 'job_done' is no event"):
            await Client(storage).wait_for_event("job_done")


async def test_a_condition_that_raises_ends_the_wait() -> None:
    async with running() as (client, _):
        waiting = asyncio.ensure_future(client.wait_for_event("job_added", 10, where=lambda event: 1 / 0))
        await client.follower.ready()
        await client.submit(add_one, 1)
        with pytest.raises(ZeroDivisionError):
            await waiting


async def test_a_servers_own_events_are_waited_for() -> None:
    async with open_storage("memory:") as storage:
        server, client = Server(storage, ALL), Client(storage)
        client.attach(server)
        waiting = asyncio.ensure_future(client.wait_for_event("server_start", 10))
        await client.follower.ready()
        async with server:
            assert (await waiting).name == "server_start"


# --- what ends the following -----------------------------------------------------------------------------
async def test_listeners_and_waits_hear_that_the_following_has_ended() -> None:
    told: list[Exception] = []
    storage = open_storage("memory:")
    await storage.__aenter__()
    client = Client(storage, on_error=told.append)
    await client.connect()
    client.on("job_complete", print)
    waiting = asyncio.ensure_future(client.wait_for_event("job_complete"))
    await client.follower.ready()
    await asyncio.sleep(0)
    await storage.__aexit__(None, None, None)

    with pytest.raises(StorageUnavailable, match="closed"):
        await asyncio.wait_for(waiting, 5)
    assert [type(error) for error in told] == [StorageUnavailable]


async def test_without_on_error_the_loop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with open_storage("memory:") as storage:
        client = Client(storage)
        client.on("job_added", print)
        await client.connect()
        handle = await client.submit(add_one, 1)
        stream = handle.events()
        first = asyncio.ensure_future(anext(stream))
        await client.follower.ready()

        async def withdrawn(*_: object, **__: object) -> None:
            raise Unauthorized

        monkeypatch.setattr(storage, "changes", withdrawn)
        await client.submit(add_one, 2)
        with pytest.raises(Unauthorized, match="the server wants a token"):
            await asyncio.wait_for(first, 5)
    assert {context["message"] for context in told} == {"a wherry client stopped following its storage"}
    assert {type(context["exception"]) for context in told} == {Unauthorized}


# --- namespaces (C7) ---------------------------------------------------------------------------------------
async def test_a_client_may_watch_many_namespaces(url: str) -> None:
    async with open_storage(url) as storage:
        clients = {name: Client(storage, namespace=name) for name in ("red", "green", "blue")}
        head = (await storage.changes("", limit=1)).cursor  # type: ignore[arg-type]
        ids = {name: (await one.submit(add_one, 1)).id for name, one in clients.items()}
        two = Client(storage, namespace="red", namespaces=["red", "blue"])
        every = Client(storage, namespaces="*")

        assert (await two.size(), await every.size(), await clients["red"].size()) == (2, 3, 1)
        async with aclosing(two.events(since=head)) as stream:
            assert [event.job_id for event in await take(stream, 2)] == [ids["red"], ids["blue"]]
        assert (await two.get(ids["blue"])).namespace == "blue"
        with pytest.raises(JobNotFound):
            await two.get(ids["green"])
        own = await two.submit(add_one, 2)
        assert (await own.job()).namespace == "red"
        assert await every.cancel(ids["green"])
        assert await two.retry_many(Filter(states=("cancelled",))) == 0


async def test_listeners_hear_only_of_their_namespaces() -> None:
    heard: list[str] = []
    async with open_storage("memory:") as storage, Client(storage, namespaces=["red", "blue"]) as client:
        client.on("job_added", lambda event: heard.append(event.job_id))
        ids = [
            (await Client(storage, namespace=name).submit(add_one, 1)).id for name in ("red", "green", "blue")
        ]
        await client.wait_for_event("job_added", 5, where=lambda event: event.job_id == ids[2])

    assert heard == [ids[0], ids[2]]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"namespaces": []}, "namespaces: names none; leave it out for the storage's own; '*' means all"),
        ({"namespaces": "red"}, "namespaces: must be a list of namespaces, not 'red'; '*' means all"),
        ({"namespaces": [7]}, "namespaces: [0] must be printable text of 1 to 1000 characters, not 7"),
        ({"namespace": "a/b"}, "namespace: must hold no '/'"),
        ({"namespace": 7}, "namespace: must be printable text of 1 to 1000 characters, not 7"),
    ],
)
async def test_wrong_namespaces_are_refused(options: dict[str, Any], problem: str) -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(InvalidInput) as caught:
            Client(storage, **options)
    assert problem in str(caught.value)


async def test_a_client_reads_and_changes_no_namespace_that_it_was_not_given(url: str) -> None:
    async with open_storage(url) as storage:
        theirs = await Client(storage, namespace="blue").submit(add_one, 1)
        client = Client(storage, namespace="red")

        for asked in (client.query, client.count, client.retry_many, client.delete_many):
            with pytest.raises(InvalidInput, match="this client does not see 'blue'"):
                await asked(Filter(namespaces=("blue",)))
        assert len((await Client(storage, namespaces="*").query(Filter(namespaces=("blue",))))[0]) == 1
        assert (await Client(storage, namespace="blue").get(theirs.id)).state == "pending"


async def test_following_ends_with_the_last_who_listens() -> None:
    async with running() as (client, _):
        before = asyncio.all_tasks()
        with pytest.raises(EventTimeout):
            await client.wait_for_event("job_added", 0.01)
        stop = client.on("job_added", print)
        await client.submit(add_one, 1, delay=60)
        stop()
        client.off("job_added", print)
        await asyncio.sleep(0)

        left = {each for each in asyncio.all_tasks() - before if "Follower" in repr(each) and not each.done()}
    assert not [each for each in left if not each.cancelled()]


async def test_a_submit_does_not_wait_for_a_listener_that_was_taken_away() -> None:
    async with running() as (client, _):
        stop = client.on("job_added", print)
        submitting = asyncio.ensure_future(client.submit(add_one, 1))
        await asyncio.sleep(0)
        stop()

        handle = await asyncio.wait_for(submitting, 5)
        assert await handle.result(timeout=5) == 2


async def test_odd_cursors_are_refused() -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(InvalidInput, match="cursor: must be what an earlier answer gave, not 5"):
            await Client(storage).query(cursor=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(InvalidInput, match="cursor: must be what an earlier answer gave, not b'x'"):
            Client(storage).events(since=b"x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_the_events_of_a_job_that_has_ended_are_its_end() -> None:
    async with running() as (client, _):
        handle = await client.submit(add_one, 1)
        assert await handle.result(timeout=5) == 2

        events = [event async for event in handle.events()]

    assert [(event.name, event.job_id, event.output) for event in events] == [("job_complete", handle.id, 2)]
    assert (events[0].queue, events[0].task) == ("default", "add_one")
