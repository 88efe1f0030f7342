"""R1, R2, R10, R13, R15: claim, run, stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    block,
    count_words,
    give_up,
    hold,
    hold_for_ever,
    hold_in_thread,
    running,
    submit_another,
)
from wherry import (
    Client,
    InvalidInput,
    JobState,
    PermanentError,
    Server,
    Worker,
    create_task,
    open_storage,
)
from wherry.messages import ClaimRequest, Exchanged, Filter, Settlement
from wherry.storage.memory import MemoryStorage
from wherry.views import Progress


# --- running --------------------------------------------------------------------------------------
async def test_no_more_jobs_run_at_once_than_concurrency_allows() -> None:
    async with running(concurrency=2) as (client, server):
        handles = [await client.submit(hold, name) for name in ("c1", "c2", "c3")]
        await GATES.wait_entered("c1")
        await GATES.wait_entered("c2")

        assert (server.worker_count, server.worker.active) == (2, 2)
        assert await client.size("pending") == 1
        for name in ("c1", "c2", "c3"):
            GATES.open(name)
        assert await asyncio.gather(*handles) == ["c1", "c2", "c3"]


@pytest.mark.parametrize(("seconds", "patience_s", "first"), [(0.003, 9, {4, 5, 6}), (0.03, 0.02, {1, 2, 3})])
async def test_jobs_that_end_while_many_wait_are_settled_together_and_soon(
    monkeypatch: pytest.MonkeyPatch, seconds: float, patience_s: float, first: set[int]
) -> None:
    """R1: half of the slots at once, so that the rest keeps the worker busy; but none is held up for long."""
    monkeypatch.setattr("wherry.worker._GATHER_S", patience_s)
    storage = Watched()
    async with storage:
        await Client(storage).submit_many(block, [seconds] * 8)
        worker = Worker(storage, ALL, concurrency=8)
        await worker.start()
        async with asyncio.timeout(20):
            await storage.all_settled(8)
        await worker.stop()

    assert next(filter(None, storage.settled)) in first, storage.settled


class Watched(MemoryStorage):
    """Remembers how many jobs each call has settled."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: list[int] = []
        self._more = asyncio.Event()

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        self.settled.append(len(settle))
        self._more.set()
        return await super().exchange(settle, claim)

    async def all_settled(self, jobs: int) -> None:
        while sum(self.settled) < jobs:
            self._more.clear()
            await self._more.wait()


async def test_a_server_scales_while_it_runs() -> None:
    async with running(concurrency=1) as (client, server):
        first, second = [await client.submit(hold, name) for name in ("s1", "s2")]
        await GATES.wait_entered("s1")
        server.scale(2)
        await GATES.wait_entered("s2")

        assert server.worker_count == 2
        GATES.open("s1")
        GATES.open("s2")
        assert await asyncio.gather(first, second) == ["s1", "s2"]


async def test_a_worker_can_be_stepped() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        await client.submit_many(add_one, range(5))
        worker = Worker(storage, [add_one], concurrency=3)

        assert [await worker.run_once(), await worker.run_once(), await worker.run_once()] == [3, 2, 0]
        assert await client.size("completed") == 5


async def test_jobs_of_an_unknown_task_are_left_and_block_nobody() -> None:
    stranger = create_task("stranger", lambda: None)
    async with open_storage("memory:") as storage:
        client = Client(storage)
        foreign = await client.submit(stranger, priority=-1000)
        known = await client.submit(add_one, 1)
        async with Server(storage, [add_one], concurrency=1):
            assert await known == 2

        assert (await foreign.job()).state == JobState.PENDING


async def test_a_worker_takes_only_its_queues() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        urgent = add_one.options(queue="urgent")
        here, there = await client.submit(urgent, 1), await client.submit(add_one, 1)
        async with Server(storage, [urgent], queues=["urgent"]):
            assert await here == 2

        assert (await there.job()).state == JobState.PENDING


async def test_a_task_for_the_other_place_is_left() -> None:
    tab_only = create_task("tab_only", lambda: None, place="browser")
    async with open_storage("memory:") as storage:
        handle = await Client(storage).submit(tab_only)

        assert await Worker(storage, [tab_only]).run_once() == 0
        assert await Worker(storage, [tab_only], place="browser").run_once() == 1
        assert await handle is None


async def test_plain_functions_run_in_threads_beside_each_other() -> None:
    async with running() as (client, _):
        handles = [await client.submit(hold_in_thread, name) for name in ("t1", "t2")]
        await GATES.wait_entered("t1")
        await GATES.wait_entered("t2")
        assert await (await client.submit(add_one, 1)) == 2
        GATES.open("t1")
        GATES.open("t2")

        assert await asyncio.gather(*handles) == ["t1", "t2"]


async def test_a_deferred_job_starts_when_it_is_due() -> None:
    async with running() as (client, _):
        handle = await client.submit(add_one, 1, delay=0.2)
        started = time.monotonic()
        await handle

        job = await handle.job()
        assert job.started_at is not None
        assert 0 <= (job.started_at - job.run_at).total_seconds() < 0.2
        assert time.monotonic() - started < 5


# --- stop (R10) -----------------------------------------------------------------------------------
async def test_stop_lets_running_jobs_finish() -> None:
    async with open_storage("memory:") as storage:
        server = Server(storage, ALL)
        await server.start()
        handle = await Client(storage).submit(hold, "finish")
        await GATES.wait_entered("finish")
        stopping = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)
        late = await Client(storage).submit(add_one, 1)
        GATES.open("finish")
        await stopping

        assert await handle == "finish"
        assert (await late.job()).state == JobState.PENDING
        assert not server.is_running


async def test_what_does_not_finish_in_time_is_handed_back_uncharged(url: str) -> None:
    async with open_storage(url) as storage:
        server = Server(storage, ALL, shutdown_timeout=0.05)
        await server.start()
        handle = await Client(storage).submit(hold_for_ever, f"hand back {url}")
        await GATES.wait_entered(f"hand back {url}")
        await server.stop()

        job = await handle.job()
        assert (job.state, job.attempts, job.interruptions) == (JobState.PENDING, 0, 1)


async def test_a_server_can_be_stopped_twice_and_started_again() -> None:
    async with open_storage("memory:") as storage:
        server = Server(storage, ALL)
        for _ in range(2):
            await server.start()
            assert server.is_running
            assert await (await Client(storage).submit(add_one, 1)) == 2
            await server.stop()
            await server.stop()


# --- progress, logs, manifest ---------------------------------------------------------------------
async def test_progress_and_logs_are_stored() -> None:
    async with running() as (client, _):
        counted = await client.submit(count_words, "a b")
        logged = await client.submit(submit_another, "x")
        await asyncio.gather(counted, logged)

        job = await counted.job()
        assert job.progress == Progress(50, "halfway", {"stage": "counting"})
        lines = await client.storage.read("log", prefix=f"{logged.id}/")
        assert '"message": "submitted"' in lines[0].value


async def test_a_server_tells_its_tasks_to_the_manifest() -> None:
    async with open_storage("memory:") as storage:
        async with Server(storage, ALL):
            pass
        first = await storage.read("task")
        async with Server(storage, ALL):
            pass

        assert {record.key for record in first} == {one.name for one in ALL}
        assert await storage.read("task") == first, "an unchanged manifest is not written again"


async def test_finished_jobs_are_hidden_or_kept_as_asked() -> None:
    async with running(delete_after_completion=0, delete_after_failure=None) as (client, _):
        done = await client.submit(add_one, 1)
        failed = await client.submit(give_up, "kept")
        await done
        with pytest.raises(PermanentError):
            await failed

        assert await client.size() == 1
        assert await client.count(Filter(), by=("state",)) == {("failed",): 1}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"concurrency": 0}, "concurrency: must be a whole number from 1 to 1000000, not 0"),
        ({"concurrency": 2.0}, "concurrency: must be a whole number from 1 to 1000000, not 2.0"),
        ({"lease": 0.5}, "lease: must be at least 1 second, not 0.5"),
        ({"shutdown_timeout": -1}, "shutdown_timeout: must be a number of seconds, not negative, not -1"),
        ({"queues": "urgent"}, "queues: must be a list of queue names, not 'urgent'"),
        ({"keep_failed": -1}, "keep_failed: must be a whole number, not negative, not -1"),
        ({"delete_after_failure": -1}, "delete_after_failure: must be a number of seconds, not negative"),
    ],
)
async def test_a_wrong_setting_of_a_server_is_named(options: dict[str, object], problem: str) -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(InvalidInput) as caught:
            Server(storage, ALL, **options)  # type: ignore[arg-type]
        assert problem in str(caught.value)


# --- claimed, not begun -----------------------------------------------------------------------------
async def test_the_lease_of_a_job_that_waits_for_its_turn_is_renewed(url: str) -> None:
    """The first of two blocks the loop for three leases: the second, claimed with it, is not lost (R3)."""
    async with open_storage(url) as storage:
        client = Client(storage, tasks=ALL)
        handles = [await client.submit(block, 3.0), await client.submit(count_words, "one two")]
        async with Server(storage, ALL, concurrency=2, lease=1.0):
            assert await handles[1].result(10) == 2
        jobs = [await handle.job() for handle in handles]

    assert [(job.attempts, job.interruptions, job.fence) for job in jobs] == [(1, 0, 1), (1, 0, 1)]


async def test_a_job_stopped_before_its_turn_is_handed_back_uncharged() -> None:
    """R10: it was claimed together with the one before it, and never begun."""
    begun: list[str] = []

    async def stop_the_next(job_id: str) -> None:
        worker.stop_job(job_id, 1, "shutdown")

    async def begin(name: str) -> None:
        begun.append(name)

    stopper, beginner = create_task("stopper", stop_the_next), create_task("beginner", begin)
    async with open_storage("memory:") as storage:
        client = Client(storage)
        await client.submit(stopper, "the-second")
        second = await client.submit(beginner, "never", id="the-second")
        worker = Worker(storage, [stopper, beginner], concurrency=2)

        assert await worker.run_once() == 2
        job = await second.job()

    assert (begun, job.state, job.attempts, job.interruptions) == ([], JobState.PENDING, 0, 1)
