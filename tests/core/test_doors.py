"""Bad input at the public doors of the core: each is refused with its own words, and nothing is stored."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.core.jobs import add_one, count_words
from wherry import (
    Client,
    Context,
    Filter,
    InvalidInput,
    NotJson,
    PayloadTooLarge,
    Server,
    WherryError,
    Worker,
    open_storage,
    task,
)
from wherry.storage.protocol import Storage

NAN, INFINITY = float("nan"), float("inf")
LOOP: list[Any] = []
LOOP.append({"again": LOOP})


@task
def anything(value: Any) -> Any:
    return value


@task
async def gives(size: int) -> str:
    return "x" * size


@task
async def logs(value: Any, context: Context) -> None:
    context.log("line", value=value)


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with open_storage("memory:") as storage:
        yield storage
        assert await Client(storage).size() == 0, "something was stored"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (NAN, "$ is nan, which JSON cannot hold"),
        ([INFINITY], "$[0] is inf, which JSON cannot hold"),
        ({"rate": -INFINITY}, "$.rate is -inf, which JSON cannot hold"),
        (b"bytes", "$ is a bytes, which JSON cannot hold"),
        ({"at": datetime(2030, 1, 1)}, "$.at is a datetime, which JSON cannot hold"),
        ({1: "one"}, "$ is an object with the key 1, which JSON cannot hold"),
        ({"set": {1}}, "$.set is a set, which JSON cannot hold"),
        (LOOP, "$[0].again is part of itself, which JSON cannot hold"),
        ("half \ud800", "$ is text with half a surrogate pair, which JSON cannot hold"),
    ],
)
async def test_what_json_cannot_hold_is_refused_with_its_place(
    storage: Storage, value: Any, said: str
) -> None:
    client = Client(storage)
    with client:
        with pytest.raises(NotJson) as of_many:
            await client.submit_many(anything, [1, value])
        assert str(of_many.value).startswith(said.replace("$", "$[1]", 1))
        for submit in (
            lambda: client.submit(anything, value),
            lambda: anything.later(value),
            lambda: anything.now(value),
            lambda: anything.now(value, persist=False),
        ):
            with pytest.raises(NotJson) as caught:
                await submit()
            assert str(caught.value).startswith(said)


@pytest.mark.parametrize("value", [7, 1.5, None, b"id", ["id"], object])
async def test_ids_of_other_types_are_refused(storage: Storage, value: Any) -> None:
    client = Client(storage)
    for verb in (
        *(client.get, client.cancel, client.retry, client.disable, client.delete),
        *(client.why, client.logs, client.wait_for),
    ):
        with pytest.raises(InvalidInput, match="must be the text of a job's id, not"):
            await verb(value)
    with pytest.raises(InvalidInput, match="must be the text of a job's id, not"):
        client.handle(value)


@pytest.mark.parametrize("value", [-1, 0, NAN, INFINITY, "5", True])
async def test_times_to_wait_are_numbers_of_seconds(storage: Storage, value: Any) -> None:
    client = Client(storage)
    with pytest.raises(InvalidInput, match="timeout: must be"):
        await client.wait_for_event("job_added", value)
    if value != 0:  # to look once is fine
        with pytest.raises(InvalidInput, match="timeout: must be a number of seconds, not negative, not"):
            await client.handle("x").result(timeout=value)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client: client.query(limit=0), "limit: must be a whole number from 1 to 1000000, not 0"),
        (lambda client: client.query(limit=2.5), "limit: must be a whole number from 1 to 1000000, not 2.5"),
        (
            lambda client: client.retry_many(limit=-1),
            "limit: must be a whole number",
        ),
        (lambda client: client.delete_many(Filter(), limit=True), "limit: must be a whole number"),
        (lambda client: client.size("done"), "'done' is none; there are blocked, pending, running"),
        (lambda client: client.peek("done"), "'done' is none; there are blocked, pending, running"),
        (
            lambda client: client.pause(queue="mail\n"),
            "queue: must be printable text of 1 to 1000 characters",
        ),
        (
            lambda client: client.pause(task="\u202etask"),
            "task: must be printable text of 1 to 1000 characters",
        ),
        (lambda client: client.count(by="state"), "by: must be a list of fields, not 'state'"),
        (lambda client: client.count(by=("colour",)), "by: [0] must be one of state, queue, task"),
        (lambda client: client.submit(7), "task: 7 is neither a task nor a name"),
        (lambda client: client.submit(add_one, 1, id="x" * 201), "id: must have at most 200 characters"),
        (lambda client: client.submit(add_one, 1, tags=b"tag"), "tags: must be a list of texts, not b'tag'"),
    ],
)
async def test_odd_arguments_of_a_client_are_named(
    storage: Storage, ask: Callable[[Client], Any], said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await ask(Client(storage))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ""}, "name: must be printable text of 1 to 1000 characters, not ''"),
        ({"name": "a\0b"}, "name: must be printable text of 1 to 1000 characters, not 'a\\x00b'"),
        ({"queue": "a/b"}, "queue: must hold no '/'"),
        ({"queue": 7}, "queue: must be printable text of 1 to 1000 characters, not 7"),
        ({"priority": 1.0}, "priority: must be a whole number from -1000 to 1000, not 1.0"),
        ({"timeout": NAN}, "timeout: must be a number of seconds, not negative, not nan"),
        ({"timeout": INFINITY}, "timeout: must be a number of seconds, not negative, not inf"),
        ({"max_attempts": "3"}, "max_attempts: must be a whole number from 1 to 1000000, not '3'"),
        ({"place": "moon"}, "place: must be browser, server or either, not 'moon'"),
        ({"unique": 7}, "unique: must be a key or a policy such as wherry.until_done(), not 7"),
        ({"retry": 3}, "retry: must be a Backoff, not 3"),
    ],
)
def test_odd_options_of_a_task_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        task(**options)(lambda value: value)
    assert said in str(caught.value)


@pytest.mark.parametrize("make", [Server, Worker])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"concurrency": True}, "concurrency: must be a whole number from 1 to 1000000, not True"),
        ({"lease": NAN}, "lease: must be a number of seconds, not negative, not nan"),
        ({"lease": "30"}, "lease: must be a number of seconds, not negative, not '30'"),
        (
            {"shutdown_timeout": INFINITY},
            "shutdown_timeout: must be a number of seconds",
        ),
        ({"queues": ["a/b"]}, "queues: [0] must hold no '/'"),
        ({"queues": [7]}, "queues: [0] must be printable text of 1 to 1000 characters, not 7"),
        ({"namespaces": "blue"}, "namespaces: must be a list of namespaces, not 'blue'"),
        ({"name": "a\nb"}, "name: must be printable text of 1 to 1000 characters, not 'a\\nb'"),
    ],
)
async def test_odd_settings_of_a_server_or_worker_are_named(
    storage: Storage, make: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        make(storage, [count_words], **options)
    assert said in str(caught.value)


@pytest.mark.parametrize("url", ["", "jobs.db", "ftp://x", 7, None, b"memory:", "sqlite:", "sqlite://x"])
def test_what_is_no_storage_is_refused(url: Any) -> None:
    with pytest.raises(WherryError) as caught:
        open_storage(url)
    assert caught.value.code in ("invalid_input", "unknown_storage")


@pytest.mark.parametrize("over", [0, 1])
async def test_the_limit_of_an_output_is_exact(over: int) -> None:
    async with open_storage("memory:") as storage:
        size = storage.capabilities.max_payload - 2 + over
        with Client(storage) as client:
            outcome = await gives.now(size)
        if over:
            assert isinstance(outcome.error, PayloadTooLarge)
            assert str(outcome.error).startswith(
                f"the output of gives is {size + 2} bytes of JSON, over the limit"
            )
        else:
            assert outcome.error is None
        assert await client.size("failed") == over


async def test_a_log_that_json_cannot_hold_fails_the_attempt_with_its_place() -> None:
    outcome = await logs.options(name="odd.logs").now([1], persist=False)
    assert outcome.error is None

    @task
    async def odd(context: Context) -> None:
        context.log("line", value=NAN)

    failed = await odd.now(persist=False)
    assert isinstance(failed.error, NotJson)
    assert str(failed.error).startswith("log.value is nan")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delay": 1e300}, "delay: must be at most 3155760000 seconds, a century"),
        ({"timeout": 1e300}, "timeout: must be at most 3155760000 seconds"),
        ({"run_at": datetime.max.replace(tzinfo=UTC)}, "run_at: must lie between 1970 and 9000"),
        ({"deadline": datetime.min.replace(tzinfo=UTC)}, "deadline: must lie between 1970 and 9000"),
    ],
)
async def test_times_that_no_list_of_jobs_could_show_are_refused(
    storage: Storage, options: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        await Client(storage).submit(add_one, 1, **options)


@pytest.mark.parametrize("made", [Server, Worker])
async def test_a_worker_of_no_namespace_or_queue_is_refused(storage: Storage, made: Any) -> None:
    """Retention would take none for all."""
    with pytest.raises(InvalidInput, match="namespaces: names none; leave it out"):
        made(storage, [add_one], namespaces=[])
    with pytest.raises(InvalidInput, match="queues: names none; leave it out for every queue"):
        made(storage, [add_one], queues=[])


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"ids": "abc"}, "ids: must be a list of texts, not 'abc'"),
        ({"states": ("done",)}, "states: [0] must be one of blocked, pending, running"),
        ({"queues": ("a/b",)}, "queues: [0] must hold no '/'"),
        ({"tasks": (1,)}, "tasks: [0] must be printable text of 1 to 1000 characters, not 1"),
        ({"tags": "red"}, "tags: must be a list of texts, not 'red'"),
        ({"run_id": ""}, "run_id: must be printable text of 1 to 1000 characters, not ''"),
        ({"fingerprint": b"ab"}, "fingerprint: must be printable text"),
        ({"finished_for_ms": -1}, "finished_for_ms: must be a whole number, not negative, not -1"),
        ({"namespaces": [None]}, "namespaces: [0] must be printable text"),
    ],
)
async def test_odd_parts_of_a_filter_are_named(storage: Storage, parts: dict[str, Any], said: str) -> None:
    client, where = Client(storage), Filter(**parts)
    for ask in (
        client.query(where),
        client.count(where),
        client.delete_many(where),
        client.retry_many(where),
    ):
        with pytest.raises(InvalidInput, match=re.escape(said)):
            await ask


async def test_what_is_no_filter_is_told_so(storage: Storage) -> None:
    mistaken: Any = {"states": ["failed"]}
    with pytest.raises(InvalidInput, match=re.escape("must be a wherry.Filter, not {'states'")):
        await Client(storage).query(mistaken)
