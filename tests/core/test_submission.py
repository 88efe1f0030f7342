"""T8, C2: bad input is told at the door, and nothing is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wherry import (
    BlockedJob,
    Client,
    InvalidInput,
    JobNotFound,
    NotJson,
    PayloadTooLarge,
    StorageUnavailable,
    UnknownTask,
    open_storage,
    task,
)
from wherry.messages import RecordWrite
from wherry.schema import problems_with
from wherry.submission import batches
from wherry.testing.faults import FaultAt, faulty


@task(name="text.count")
async def count_words(text: str) -> int:
    return len(text.split())


@task
def anything(value: Any) -> Any:
    return value


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with open_storage("memory:") as storage:
        yield Client(storage)
        assert await Client(storage).size() == 0, "something was stored"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"priority": 1.5}, "priority: must be a whole number from -1000 to 1000, not 1.5"),
        ({"priority": True}, "priority: must be a whole number from -1000 to 1000, not True"),
        ({"priority": -1001}, "priority: must be a whole number from -1000 to 1000, not -1001"),
        ({"delay": -1}, "delay: must be a number of seconds, not negative, not -1"),
        ({"delay": float("nan")}, "delay: must be a number of seconds, not negative, not nan"),
        ({"delay": "soon"}, "delay: must be a number of seconds, not negative, not 'soon'"),
        ({"timeout": 0}, "timeout: must be more than 0 seconds"),
        ({"run_at": datetime(2030, 1, 1)}, "run_at: must be a datetime with a time zone"),
        ({"deadline": "tomorrow"}, "deadline: must be a datetime with a time zone"),
        ({"max_attempts": 0}, "max_attempts: must be a whole number from 1 to 1000000, not 0"),
        ({"run_id": ""}, "run_id: must be printable text of 1 to 1000 characters, not ''"),
        ({"unique": 7}, "unique: must be a key or a policy such as wherry.until_done(), not 7"),
        ({"tags": "urgent"}, "tags: must be a list of texts, not 'urgent'"),
        ({"tags": ["ok", 3]}, "tags: [1] must be printable text of 1 to 1000 characters, not 3"),
        ({"ordering_key": ""}, "ordering_key: must be printable text of 1 to 1000 characters, not ''"),
        ({"after": "job"}, "after: must be a list of handles or ids, not 'job'"),
        ({"after": [3]}, "after: 3 is neither a handle nor an id"),
        ({"id": "a/b"}, "id: must have at most 200 characters and no '/'"),
        ({"id": 5}, "id: must be printable text of 1 to 1000 characters, not 5"),
        ({"retries": 5}, "retries: no such option; there are priority, delay"),
        ({"delay": 1.0, "run_at": datetime.now(UTC)}, "delay: give either delay or run_at, not both"),
    ],
)
async def test_a_wrong_option_is_named(client: Client, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.submit(count_words, "one", **options)

    assert str(caught.value).startswith("invalid input for submit: ")
    assert problem in str(caught.value)


async def test_all_that_is_wrong_is_told_at_once(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.submit(count_words, "one", priority=5000, delay=-1)

    assert len(caught.value.problems) == 2


async def test_an_unknown_task_is_refused(client: Client) -> None:
    with pytest.raises(UnknownTask) as caught:
        await client.submit("text.cuont", "one")

    assert caught.value.code == "unknown_task"
    assert "start a server or worker that has it" in str(caught.value)


async def test_what_is_no_task_is_refused(client: Client) -> None:
    with pytest.raises(InvalidInput, match="is neither a task nor a name; decorate it with @task"):
        await client.submit(len, "one")  # type: ignore[call-overload]


async def test_one_bad_input_of_many_stores_none(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        await client.submit_many(count_words, ["one", 2, "three"])  # type: ignore[list-item]

    assert caught.value.problems == ("inputs[1]: text: Input should be a valid string",)
    assert await client.size() == 0


async def test_one_large_input_of_many_is_named_by_its_place(client: Client) -> None:
    with pytest.raises(PayloadTooLarge) as caught:
        await client.submit_many(count_words, ["one", "x" * 1_100_000])

    assert caught.value.argument == f"inputs[1] of {count_words.name}"


async def test_many_inputs_are_stored_in_their_order() -> None:
    async with open_storage("memory:") as storage:
        handles = await Client(storage).submit_many(anything, range(2_500))

        rows = await storage.get([handle.id for handle in handles])
        assert [row.input for row in rows.values()] == [f"{number}" for number in range(2_500)]
        assert sorted(rows) == list(rows)


async def test_a_call_ends_at_the_batch_that_is_not_stored() -> None:
    async with faulty(open_storage("memory:"), FaultAt(2, "refuse")) as storage:
        client = Client(storage)

        with pytest.raises(StorageUnavailable, match="add: refuse"):
            await client.submit_many(anything, range(5_000))

        assert await client.count() == {(): 1024}


async def test_an_unknown_parent_is_refused(client: Client) -> None:
    with pytest.raises(JobNotFound) as caught:
        await client.submit(count_words, "one", after=["nowhere"])

    assert caught.value.job_id == "nowhere"


@pytest.mark.parametrize("over", [0, 1])
async def test_the_payload_limit_is_exact(over: int) -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        limit = storage.capabilities.max_payload
        text = "é" * ((limit - 2) // 2) + "a" * over
        if over:
            with pytest.raises(PayloadTooLarge) as caught:
                await client.submit(anything, text)
            assert str(caught.value) == (
                f"the input of anything is {limit + 1} bytes of JSON, over the limit of {limit}: "
                "store the data elsewhere and pass a reference to it."
            )
        else:
            await client.submit(anything, text)
        assert await client.size() == 1 - over


async def test_nan_is_refused_with_its_place(client: Client) -> None:
    with pytest.raises(NotJson, match=r"^\$.rates\[1\] is nan, which JSON cannot hold"):
        await client.submit(anything, {"rates": [1.0, float("nan")]})


# --- by name, through the manifest (T11) ---------------------------------------------------------------
async def test_a_submit_by_name_takes_the_tasks_own_defaults_and_checks() -> None:
    count = count_words.options(queue="text", max_attempts=2, timeout=9.0, priority=3, tags=["slow"])
    async with open_storage("memory:") as storage:
        await storage.write([RecordWrite("task", "text.count", 0, count.manifest())])
        client = Client(storage)

        handle = await client.submit("text.count", "one two")
        with pytest.raises(InvalidInput, match="invalid input for text.count: input: should be a string"):
            await client.submit("text.count", 3)

        job = await handle.job()
        assert (job.queue, job.max_attempts, job.timeout, job.priority) == ("text", 2, 9.0, 3)
        assert (job.tags, job.input) == (("slow",), "one two")


async def test_the_options_of_a_submit_win_over_the_tasks() -> None:
    run_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    async with open_storage("memory:", namespace="blue") as storage:
        client = Client(storage)
        handle = await client.submit(
            count_words,
            "one",
            priority=-5,
            run_at=run_at,
            max_attempts=9,
            run_id="r",
            tags=["a", "a"],
            id="mine",
        )

        job = await client.get("mine")
        assert (handle.id, job.namespace, job.run_id, job.tags) == ("mine", "blue", "r", ("a",))
        assert (job.priority, job.run_at, job.max_attempts) == (-5, run_at, 9)
        assert [found.id for found in await client.get_run("r")] == ["mine"]


async def test_an_ordering_key_is_the_submits_or_the_tasks_and_spans_tasks() -> None:
    ordered = anything.options(ordering_key="mail")
    async with open_storage("memory:", namespace="blue") as storage:
        client = Client(storage)
        await storage.write([RecordWrite("task", "anything", 0, ordered.manifest())])
        first = await client.submit(ordered, 1)
        by_name = await client.submit("anything", 2)
        other_task = await client.submit(count_words, "one", ordering_key="mail")
        other_key = await client.submit(ordered, 3, ordering_key="post")
        free = await client.submit(ordered, 4, ordering_key=None)

        jobs = [await handle.job() for handle in (first, by_name, other_task, other_key, free)]
        keys = [job.ordering_key for job in jobs]
        assert keys == ["blue/mail", "blue/mail", "blue/mail", "blue/post", None]
        behind = [job.behind if isinstance(job, BlockedJob) else None for job in jobs]
        assert behind == [None, first.id, by_name.id, None, None]


@pytest.mark.parametrize(
    ("value", "schema", "problems"),
    [
        (1, {"type": "string"}, ["input: should be a string"]),
        (True, {"type": "integer"}, ["input: should be an integer"]),
        (1.0, {"type": "integer"}, []),
        ({"a": 1}, {"type": "object", "required": ["b"]}, ["input.b: is missing"]),
        ([1, "x"], {"type": "array", "items": {"type": "integer"}}, ["input[1]: should be an integer"]),
        ("c", {"enum": ["a", "b"]}, ["input: should be one of 'a', 'b'"]),
        ("c", {"const": "a"}, ["input: should be 'a'"]),
        (
            1,
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            ["input: fits none of the 2 forms it may have"],
        ),
        (None, {"anyOf": [{"type": "string"}, {"type": "null"}]}, []),
        (
            {"at": 1},
            {"properties": {"at": {"$ref": "#/$defs/T"}}, "$defs": {"T": {"type": "string"}}},
            ["input.at: should be a string"],
        ),
        ("anything", {"format": "of a kind that is not known"}, []),
        ([{}], {"$ref": "#/$defs/Gone"}, []),
    ],
)
def test_a_schema_finds_what_is_surely_wrong(value: Any, schema: dict[str, Any], problems: list[str]) -> None:
    assert problems_with(value, schema) == problems


def test_many_inputs_are_cut_by_number_and_by_size() -> None:
    def inputs(count: int, characters: int) -> list[tuple[str, None]]:
        return [("x" * characters, None)] * count

    assert [len(batch) for batch in batches(inputs(2100, 1))] == [1024, 1024, 52]
    assert [len(batch) for batch in batches(inputs(9, 1_000_000))] == [4, 4, 1]
    assert [len(batch) for batch in batches(inputs(2, 5_000_000))] == [1, 1]
    assert list(batches([])) == []
