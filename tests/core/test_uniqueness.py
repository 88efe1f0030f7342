"""U1, Q9: which job stands when the same is submitted twice."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.jobs import add_one, count_words
from wherry import (
    Client,
    InvalidInput,
    Uniqueness,
    Worker,
    open_storage,
    task,
    until_done,
    while_queued,
    within,
)
from wherry.clock import ManualClock
from wherry.messages import ClaimRequest

STATIC = Path(__file__).parents[2] / "web" / "wherry_web" / "static"


@task(name="report", unique=until_done())
async def report(facts: dict[str, Any]) -> int:
    return len(facts)


@pytest.fixture(params=["memory:", "sqlite:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def client(url: str, clock: ManualClock) -> AsyncIterator[Client]:
    async with open_storage(url, clock=clock) as storage:
        yield Client(storage)


async def start(client: Client, name: str) -> None:
    claim = ClaimRequest(f"token {name}", "w", ("",), None, (name,), 10, 30_000)
    await client.storage.exchange([], claim)


async def test_a_key_is_held_until_the_job_is_done(client: Client) -> None:
    first = await client.submit(add_one, 1, unique="k")
    await start(client, "add_one")
    second = await client.submit(add_one, 2, unique=until_done("k"))
    await first.cancel()
    await Worker(client.storage, [add_one]).run_once()

    assert (second.id, second.duplicate_of, first.duplicate_of) == (first.id, first.id, None)
    await client.disable(first.id)
    assert (await client.submit(add_one, 3, unique="k")).duplicate_of is None


async def test_while_queued_frees_the_key_when_the_job_starts(client: Client) -> None:
    first = await client.submit(add_one, 1, unique=while_queued("k"))
    again = await client.submit(add_one, 1, unique=while_queued("k"))
    await start(client, "add_one")
    next_one = await client.submit(add_one, 1, unique=while_queued("k"))

    assert (again.id, next_one.duplicate_of) == (first.id, None)


async def test_within_holds_for_its_time_whatever_becomes_of_the_job(
    client: Client, clock: ManualClock
) -> None:
    first = await client.submit(add_one, 1, unique=within(60))
    await first.cancel()
    clock.advance(59_999)
    assert (await client.submit(add_one, 1, unique=within(60))).duplicate_of == first.id
    clock.advance(1)
    assert (await client.submit(add_one, 1, unique=within(60))).duplicate_of is None


async def test_without_a_key_it_is_the_input_in_any_spelling(client: Client) -> None:
    first = await client.submit(report, {"a": 1, "b": [1.0, "x"]})
    same = await client.submit(report, {"b": [1, "x"], "a": 1.0})
    other = await client.submit(report, {"a": 2})

    assert (same.duplicate_of, other.duplicate_of) == (first.id, None)


async def test_keys_of_tasks_and_namespaces_never_meet(url: str) -> None:
    async with open_storage(url) as storage:
        client, blue = Client(storage), Client(storage, namespace="blue")
        handles = [
            await client.submit(add_one, 1, unique="k"),
            await client.submit(count_words, "1", unique="k"),
            await blue.submit(add_one, 1, unique="k"),
        ]

    assert [handle.duplicate_of for handle in handles] == [None, None, None]


async def test_a_submit_may_say_otherwise_than_its_task(client: Client) -> None:
    await client.submit(report, {"a": 1})

    assert (await client.submit(report, {"a": 1}, unique=None)).duplicate_of is None
    assert (await client.submit(report, {"a": 1}, unique="mine")).duplicate_of is None


async def test_many_at_once_leave_one(url: str) -> None:
    async with open_storage(url) as one, open_storage(url if "sqlite" in url else "memory:other") as two:
        clients = (Client(one), Client(two)) if "sqlite" in url else (Client(one), Client(one))
        handles = await asyncio.gather(
            *(clients[number % 2].submit(add_one, number, unique="once") for number in range(40))
        )

        assert len({handle.id for handle in handles}) == 1
        assert sum(handle.duplicate_of is None for handle in handles) == 1
        assert await clients[0].size() == 1


async def test_duplicates_within_one_call_find_each_other(client: Client) -> None:
    handles = await client.submit_many(report, [{"a": 1}, {"a": 2}, {"a": 1}])

    assert handles[2].duplicate_of == handles[0].id
    assert await client.size() == 2


async def test_a_submit_by_name_takes_the_policy_of_the_manifest(client: Client) -> None:
    from wherry.messages import RecordWrite

    await client.storage.write([RecordWrite("task", "report", None, report.manifest())])
    first = await client.submit("report", {"a": 1})

    assert (await client.submit("report", {"a": 1})).duplicate_of == first.id


def test_policies_are_plain_values() -> None:
    assert until_done("k") == Uniqueness("done", "k")
    assert within(1.5) == Uniqueness("period", None, 1500)
    assert report.unique == Uniqueness("done")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "60", True])
def test_a_wrong_period_is_refused(seconds: Any) -> None:
    with pytest.raises(InvalidInput, match="invalid input for within: seconds: must be"):
        within(seconds)


@pytest.mark.parametrize("key", ["", 7, "a\nb", "x" * 1001])
def test_a_wrong_key_is_refused(key: Any) -> None:
    with pytest.raises(InvalidInput, match="key: must be printable text of 1 to 1000 characters"):
        until_done(key)


async def test_javascript_asks_for_the_same_keys() -> None:
    """`submission.js` reads the same manifest; both must meet on one key (U1, T11)."""
    node = shutil.which("node")
    assert node is not None, "the tests need Node.js"
    tasks = [
        report,
        report.options(unique=while_queued("k")),
        report.options(unique=within(1.5)),
        report.options(unique=None),
    ]
    script = """
    const { newJob, snapshotOf } = await import(process.argv[1]);
    const entries = JSON.parse(process.argv[2]);
    const options = [{}, { unique: "mine" }, { unique: null }];
    const cases = entries.flatMap((entry) => options.map((option) => [entry, option]));
    const input = snapshotOf({ b: [1, "x"], a: 1 }, "report", false);
    const jobs = await Promise.all(cases.map(([entry, option]) => newJob(entry, input, option)));
    console.log(JSON.stringify(jobs.map(({ unique }) => unique)));
    """
    entries = json.dumps([json.loads(one.manifest()) for one in tasks])
    path = (STATIC / "submission.js").as_uri()
    ended = await asyncio.to_thread(
        subprocess.run,
        [node, "--input-type=module", "-e", script, path, entries],
        capture_output=True,
        text=True,
        check=True,
    )

    asked = [
        None if one is None else (one["key"], one["hold"], one.get("period_ms", 0))
        for one in json.loads(ended.stdout)
    ]
    options: list[dict[str, Any]] = [{}, {"unique": "mine"}, {"unique": None}]
    async with open_storage("memory:") as storage:
        assert asked == [await asked_of_storage(storage, one, each) for one in tasks for each in options]


async def asked_of_storage(storage: Any, one: Any, options: Any) -> tuple[str, str, int] | None:
    """What a submit in Python asks the storage to hold."""
    seen: list[Any] = []

    class Look:
        async def submit(self, job: Any, next: Any) -> Any:
            seen.append(job.unique)
            return await next(job)

    await Client(storage, hooks=[Look()]).submit(one, {"a": 1, "b": [1, "x"]}, **options)
    return None if seen[0] is None else tuple(seen[0])


async def test_keys_of_tasks_with_slashes_never_meet() -> None:
    short, long = add_one.options(name="a"), add_one.options(name="a/b")
    async with open_storage("memory:") as storage:
        client = Client(storage)
        first = await client.submit(long, 1, unique="c")
        second = await client.submit(short, 1, unique="b/c")

        assert second.duplicate_of is None
        assert (await client.submit(long, 1, unique="c")).duplicate_of == first.id
