"""SQLite: what its thread, its remembered jobs and its pruned feed must not show to anybody."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from wherry.clock import ManualClock
from wherry.errors import InvalidInput, StorageUnavailable
from wherry.messages import Cursor, Filter, Lease, NewJob, RecordWrite, Report
from wherry.storage.sqlite import SQLiteStorage, feed
from wherry.testing.conformance import add, claim, new_job, settle


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


async def test_a_store_is_used_only_inside_its_async_with(path: Path) -> None:
    storage = SQLiteStorage(path)
    with pytest.raises(StorageUnavailable, match="is not open: use it inside `async with`"):
        await storage.get(["a"])
    async with storage:
        with pytest.raises(StorageUnavailable, match="was entered before"):
            await storage.__aenter__()
    with pytest.raises(StorageUnavailable, match="is not open"):
        await storage.get(["a"])


async def test_leaving_a_store_folds_its_log_into_the_file(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        await add(storage, "a")

    assert set(os.listdir(path.parent)) == {"jobs.db", "jobs.db-gate"}


async def test_synchronous_full_promises_to_outlive_a_power_cut(path: Path) -> None:
    async with SQLiteStorage(path, synchronous="full") as storage:
        assert storage.capabilities.durability == "power"
        assert storage.url == f"sqlite:{path}?synchronous=full"
    assert SQLiteStorage(path).capabilities.durability == "process"


def test_synchronous_takes_two_words(path: Path) -> None:
    with pytest.raises(InvalidInput, match="synchronous: 'off' is not normal or full"):
        SQLiteStorage(path, synchronous="off")  # pyright: ignore[reportArgumentType] - what is tested


async def test_a_cancelled_caller_leaves_no_transaction_open(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        for number in range(20):
            calling = asyncio.create_task(add(storage, f"cancelled-{number}"))
            await asyncio.sleep(0)
            calling.cancel()
            assert await add(storage, f"after-{number}") == ["ok"]

        async with SQLiteStorage(path) as other:
            assert await add(other, "other") == ["ok"]


async def test_renewals_go_before_what_waits(path: Path) -> None:
    order: list[str] = []

    async def note(name: str, call: asyncio.Task[object]) -> None:
        await call
        order.append(name)

    async with SQLiteStorage(path) as storage:
        await add(storage, "a")
        (job,) = await claim(storage)
        crowd = [asyncio.create_task(add(storage, *(f"{n}-{m}" for m in range(200)))) for n in range(10)]
        async with storage.fork() as fork:
            renewal = asyncio.create_task(fork.renew([Lease(job.id, job.fence)], lease_ms=5000))
            await asyncio.gather(
                *(note("add", call) for call in crowd),  # pyright: ignore[reportArgumentType] - any result
                note("renew", renewal),  # pyright: ignore[reportArgumentType] - any result
            )

    assert order.index("renew") <= 2, order


async def test_a_fork_serves_another_thread_and_loop(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        fork = storage.fork()

        async def elsewhere() -> None:
            async with fork:
                await add(fork, "a")

        await asyncio.to_thread(asyncio.run, elsewhere())

        assert set(await storage.get(["a"])) == {"a"}


@pytest.mark.parametrize(
    "job", [new_job("a", deadline_at_ms=2**70), new_job("a", input='"\ud800"'), new_job("a\0")]
)
async def test_a_value_that_cannot_be_stored_is_the_callers(path: Path, job: NewJob) -> None:
    async with SQLiteStorage(path) as storage:
        with pytest.raises(InvalidInput, match="cannot be stored|holds a NUL"):
            await storage.add([new_job("b"), job], records=[RecordWrite("kind", "key", 0, "1")])

        assert (await storage.count(Filter()), list(await storage.read("kind"))) == ({}, [])


async def test_large_payloads_come_back_as_they_were(path: Path) -> None:
    large = '"' + 'x\\"é😀\u2028' * 20_000 + '"'
    async with SQLiteStorage(path) as storage:
        await storage.add(
            [new_job("a", input=large), new_job("b", input='"small"'), new_job("c", input=large)]
        )
        first, *others = await claim(storage, limit=3)
        await settle(storage, first, "complete", output=large)

        rows = await storage.get(["a", "b"])

        assert [job.input for job in (first, *others)] == [large, '"small"', large]
        assert (rows["a"].input, rows["a"].output) == (large, large)
        assert (rows["b"].input, rows["b"].output) == ('"small"', None)
        await storage.alter(Filter(ids=["a"]), "remove", limit=1)
        await storage.add([new_job("d"), new_job("e", input='""')])
        assert [(await storage.get([name]))[name].input for name in ("c", "d", "e")] == [large, "null", '""']


async def test_outcomes_are_found_before_and_after_their_index_is_made(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        await storage.add([new_job(name, fingerprint="f" * 64) for name in ("a", "b")])
        where = Filter(fingerprint="f" * 64, states=["completed"])
        for number in (1, 2):
            (job,) = await claim(storage, limit=1)
            await settle(storage, job, "complete", output="1")
            rows, _ = await storage.query(where, limit=10)
            assert len(rows) == number


async def test_a_job_that_another_has_moved_is_settled_as_it_stands(path: Path) -> None:
    """This session need not read a job that it has claimed, so others may have moved it unseen."""
    async with SQLiteStorage(path) as storage, SQLiteStorage(path) as other:
        await add(storage, "a", "b", "c")
        jobs = {job.id: job for job in await claim(storage, limit=3)}
        await other.report([Report("a", jobs["a"].fence, percent=50)])
        await other.alter(Filter(ids=["b"]), "disable", limit=1)
        cursor = (await storage.changes(Cursor(""), limit=1)).cursor

        verdicts = [await settle(storage, job, "complete", output="1") for job in jobs.values()]

        changes = (await storage.changes(cursor, limit=10)).items
        assert verdicts == ["ok", "lost", "ok"]
        assert [(each.job_id, each.revision) for each in changes] == [("a", 4), ("c", 3)]


async def test_the_best_of_many_lanes_is_claimed_first(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        lanes = [(f"queue-{number % 7}", f"task-{number}") for number in range(40)]
        await storage.add(
            [
                new_job(f"{place:03d}", queue=queue, task=task, priority=(place * 37) % 1000)
                for place, (queue, task) in enumerate(lanes * 5)
            ]
        )

        jobs = await claim(storage, tasks=tuple(task for _, task in lanes), limit=60)

        best = sorted(range(200), key=lambda place: ((place * 37) % 1000, place))[:60]
        assert [job.id for job in jobs] == [f"{place:03d}" for place in best]


async def test_old_batches_are_pruned_and_late_readers_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEPT_BATCHES", 10)
    async with SQLiteStorage(path) as storage:
        first = (await storage.changes(Cursor(""), limit=1)).cursor
        for number in range(256):
            await add(storage, f"{number:03d}")
        late = await storage.changes(first, limit=10)
        await add(storage, "last")
        followed = await storage.changes(late.cursor, limit=10)

    assert (list(late.items), late.resync) == ([], True)
    assert [change.job_id for change in followed.items] == ["last"]


async def test_batches_go_with_age_but_numbers_never_come_again(path: Path) -> None:
    clock = ManualClock()
    async with SQLiteStorage(path, clock=clock) as storage:
        for number in range(255):
            await add(storage, f"{number:03d}")
        clock.advance(2 * 3_600_000)
        await add(storage, "255")
        head = (await storage.changes(Cursor(""), limit=1)).cursor
        await add(storage, "256")

        assert [each.job_id for each in (await storage.changes(head, limit=10)).items] == ["256"]
        assert head.endswith(":256")


async def test_a_listener_may_claim_what_it_hears_of_before_it_is_stored(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        for number in range(50):
            async with aclosing(storage.listen()) as hints:
                await anext(hints)
                adding = asyncio.create_task(add(storage, f"{number}"))
                await anext(hints)
                stored = adding.done()
                found = await claim(storage)

            assert not stored, "the hint waited for the commit"
            assert [job.id for job in found] == [f"{number}"]
            assert await adding == ["ok"]


async def test_an_add_that_fails_answers_for_itself_alone(path: Path) -> None:
    async with SQLiteStorage(path) as storage, aclosing(storage.listen()) as hints:
        await anext(hints)
        spoilt = new_job("a")._replace(input="\ud800")

        failed, claimed = await asyncio.gather(storage.add([spoilt]), claim(storage), return_exceptions=True)

        assert isinstance(failed, Exception)
        assert claimed == []
        assert await add(storage, "a") == ["ok"]
