"""R2, R7: what a worker survives, and how it ends whatever its handlers and callbacks do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from tests.core.jobs import GATES, add_one, hold
from wherry import Client, JobFailed, RetryableError, Server, Snooze, Worker, WorkerBusy, open_storage, task
from wherry.messages import Claimed, ClaimRequest, Exchanged, Settlement
from wherry.runners import Runners
from wherry.storage.memory import MemoryStorage
from wherry.storage.protocol import Storage


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with open_storage("memory:") as storage:
        yield storage


@task
async def leaves() -> None:
    sys.exit(3)


@task
def leaves_in_thread() -> None:
    sys.exit(3)


@task
async def closes() -> None:
    raise GeneratorExit


@pytest.mark.parametrize("one", [leaves, leaves_in_thread, closes])
async def test_a_handler_that_wants_to_end_the_process_fails_its_job_alone(
    storage: Storage, one: Any
) -> None:
    client = Client(storage)
    async with Server(storage, [one, add_one]):
        failing = await client.submit(one, max_attempts=1)

        with pytest.raises(JobFailed, match=r"SystemExit: 3|GeneratorExit"):
            await failing.result(timeout=5)
        assert await (await client.submit(add_one, 1)).result(timeout=5) == 2


async def test_a_settled_callback_that_raises_loses_no_job(storage: Storage) -> None:
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: heard.append(str(what["exception"])))

    def broken(*_: object) -> None:
        raise ValueError("of the callback")

    client = Client(storage)
    async with Server(storage, [add_one], settled=broken) as server:
        handles = [await client.submit(add_one, number) for number in range(3)]

        assert [await handle.result(timeout=5) for handle in handles] == [1, 2, 3]
    assert server.stats().completed == 3
    assert heard == ["of the callback"] * 3


async def test_a_stop_whose_caller_is_cancelled_goes_on(storage: Storage) -> None:
    server = Server(storage, [hold])
    await server.start()
    handle = await Client(storage).submit(hold, "stop-goes-on")
    await GATES.wait_entered("stop-goes-on")

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.stop(), timeout=0.01)
    assert server.is_running
    GATES.open("stop-goes-on")
    await server.stop()

    assert not server.is_running
    assert await handle.result(timeout=5) == "stop-goes-on"


async def test_who_stops_a_stopping_server_waits_for_the_same_end(storage: Storage) -> None:
    server = Server(storage, [hold])
    await server.start()
    await Client(storage).submit(hold, "stop-twice")
    await GATES.wait_entered("stop-twice")

    stops = [asyncio.create_task(server.stop()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(stop.done() for stop in stops)
    GATES.open("stop-twice")
    await asyncio.gather(*stops)

    assert not server.is_running


async def test_a_handler_may_stop_its_own_server_and_completes(storage: Storage) -> None:
    @task
    async def stops() -> str:
        await server.stop()
        return "stopped"

    server = Server(storage, [stops])
    await server.start()
    handle = await Client(storage).submit(stops)

    assert await handle.result(timeout=5) == "stopped"
    await server.stop()
    assert not server.is_running
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_job_claimed_again_runs_beside_its_lost_attempt_under_its_own_lease(storage: Storage) -> None:
    """As after a machine slept: the lease lapsed, and the same worker was given the job once more."""
    worker = Worker(storage, [hold])
    attempts = worker._attempts
    job = Claimed(
        "a", 1, 1, "hold", "default", "", '"x"', 3, 0, "{}", None, None, None, None,
    )  # fmt: skip
    lost, current = attempts.begin(job), attempts.begin(job._replace(fence=2))

    assert attempts.under_way() == [lost, current], "or nobody would tell the first one that it is lost"
    attempts.end(lost)
    assert attempts.under_way() == [current], "or its lease would not be renewed"
    attempts.end(current)


async def test_a_worker_runs_once_or_goes_on_but_not_both(storage: Storage) -> None:
    worker = Worker(storage, [add_one])
    await worker.start()

    with pytest.raises(WorkerBusy, match="stop it first"):
        await worker.run_once()
    await worker.stop()
    assert await worker.run_once() == 0


async def test_a_stop_hands_back_what_runs_once(storage: Storage) -> None:
    worker = Worker(storage, [hold], shutdown_timeout=0)
    handle = await Client(storage).submit(hold, "once")
    once = asyncio.create_task(worker.run_once())
    entered, opened = GATES.at("once")
    assert await asyncio.to_thread(entered.wait, 5)
    await worker.stop()

    job = await handle.job()
    assert (job.state, job.attempts, job.interruptions) == ("pending", 0, 1)
    assert await once == 1
    opened.set()
    assert await worker.run_once() == 1
    assert (await handle.job()).state == "completed"


class BrokenOnce(MemoryStorage):
    """Fails the first settlement in a way that no contract knows."""

    broken = False

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        if settle and not self.broken:
            self.broken = True
            raise RuntimeError("of the storage")
        return await super().exchange(settle, claim)


async def test_a_worker_started_again_after_a_crash_settles_what_had_finished() -> None:
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: heard.append(what["message"]))
    async with BrokenOnce() as storage:
        worker = Worker(storage, [add_one])
        await worker.start()
        handle = await Client(storage).submit(add_one, 1)
        await worker.ended()
        assert heard == ["a wherry worker crashed"]
        await worker.start()

        assert await handle.result(timeout=5) == 2
        assert (await storage.get([handle.id]))[handle.id].attempt == 1
        await worker.stop()


# --- runners ------------------------------------------------------------------------------------------
async def test_runners_end_although_their_work_takes_the_cancelling_for_its_own() -> None:
    begun = asyncio.Event()

    async def run(_work: str, _: object) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()

    runners = Runners(run, 1, ended=lambda *_: None)
    runners.assign(["work"])
    await begun.wait()

    async with asyncio.timeout(5):
        await runners.end()
    assert runners.free == 1


async def test_runners_leave_work_alone_that_cannot_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wherry.runners._PATIENCE_S", 0.01)
    begun, gate, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def run(work: str, _: object) -> None:
        begun.set()
        while not gate.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await gate.wait()
        done.append(work)

    freed = asyncio.Semaphore(0)
    runners = Runners(run, 2, ended=lambda *_: freed.release())
    runners.assign(["old"])
    await begun.wait()
    async with asyncio.timeout(5):
        await runners.end()

    assert runners.free == 1, "it still takes its slot"
    runners.assign(["new"])
    gate.set()
    async with asyncio.timeout(5):
        await freed.acquire()
        await freed.acquire()
    assert (sorted(done), runners.free) == (["new", "old"], 2)
    await runners.end()


async def test_a_runner_that_dies_leaves_the_line_to_others() -> None:
    done: list[str] = []
    idle = asyncio.Event()

    async def run(work: str, _: object) -> None:
        done.append(work)
        if work == "last":
            idle.set()

    runners = Runners(run, 1, ended=lambda *_: None)
    runners.assign(["first"])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for each in asyncio.all_tasks() - {asyncio.current_task()}:
        each.cancel()  # as a library does that cancels its task and never takes it back
    runners.assign(["last"])

    async with asyncio.timeout(5):
        await idle.wait()
    await runners.end()
    assert done == ["first", "last"]


# --- what handlers raise --------------------------------------------------------------------------------
class Mute(Exception):
    """Its text and code raise errors of their own."""

    @property
    def code(self) -> str:
        raise KeyError("code")

    def __str__(self) -> str:
        raise KeyError("text")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Snooze(math.nan), "invalid input for Snooze: delay: must be a number of seconds"),
        (Snooze(1e300), "invalid input for Snooze: delay: must be at most 3155760000 seconds, a century"),
        (RetryableError("", retry_in=math.inf), "invalid input for RetryableError: delay: must be a number"),
        (RetryableError("", retry_at=datetime(2030, 1, 1)), "run_at: must be a datetime with a time zone"),
        (Mute(), "its text cannot be had: KeyError('text')"),
        (ValueError(math.nan), "nan"),
    ],
)
async def test_an_odd_error_fails_its_job_in_words_that_are_json(
    storage: Storage, error: Exception, said: str
) -> None:
    @task
    async def raises() -> None:
        raise error

    worker = Worker(storage, [raises])
    handle = await Client(storage).submit(raises, max_attempts=1)
    assert await worker.run_once() == 1

    row = (await storage.get([handle.id]))[handle.id]
    assert row.state == "failed"
    facts = json.loads(row.errors, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert said in facts["message"]
