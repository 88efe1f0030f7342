"""R1-R5, R7-R10, R13, R15: claim, run, settle, stop."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    attached,
    block,
    count_words,
    fail_twice,
    give_up,
    hold,
    hold_for_ever,
    hold_in_thread,
    running,
    snooze_once,
    submit_another,
    wrong_output,
)
from wherry import (
    Client,
    InvalidInput,
    InvalidOutput,
    JobCancelled,
    JobState,
    JobTimeout,
    PayloadTooLarge,
    PermanentError,
    Server,
    Worker,
    create_task,
    open_storage,
    task,
)
from wherry.messages import ClaimRequest, Filter, NewJob, Settlement
from wherry.views import Progress


@pytest.fixture(params=["memory:", "sqlite:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)


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


# --- what follows an attempt (R5, R8, R9) ---------------------------------------------------------
async def test_a_failing_job_is_tried_again_and_keeps_its_errors() -> None:
    async with running() as (client, server):
        handle = await client.submit(fail_twice, "flaky")

        assert await handle == 3
        assert [error.type for error in (await handle.job()).errors] == ["OSError", "OSError"]
        assert (server.stats().retried, server.stats().completed) == (2, 1)


async def test_a_permanent_error_is_not_retried() -> None:
    async with running() as (client, _):
        handle = await client.submit(give_up, "never")

        with pytest.raises(PermanentError, match="never"):
            await handle
        assert (await handle.job()).attempts == 1


async def test_a_snooze_charges_no_attempt() -> None:
    async with running() as (client, _):
        handle = await client.submit(snooze_once, "snoozed")

        assert await handle == 1
        assert (await handle.job()).attempts == 1


async def test_an_output_of_the_wrong_type_fails_the_job_at_once() -> None:
    async with running() as (client, _):
        handle = await client.submit(wrong_output, "text")

        with pytest.raises(
            Exception, match="invalid output of wrong_output: output: Input should be a valid integer"
        ):
            await handle
        assert (await handle.job()).attempts == 1
        assert InvalidOutput.code == "invalid_output"


async def test_an_output_over_the_limit_fails_the_job_at_once() -> None:
    @task
    def big() -> str:
        return "x" * 2_000_000

    async with open_storage("memory:") as storage, Server(storage, [big]):
        handle = await Client(storage).submit(big)

        with pytest.raises(Exception, match="the output of big is 2000002 bytes of JSON, over the limit"):
            await handle
        assert PayloadTooLarge.code == "payload_too_large"


async def test_an_input_that_no_longer_fits_fails_without_a_retry() -> None:
    async with open_storage("memory:") as storage:
        await storage.add([NewJob("j", "", "default", "add_one", '"old"')])
        async with Server(storage, [add_one]):
            with pytest.raises(Exception, match="number: Input should be a valid integer"):
                await Client(storage).wait_for("j")


@pytest.mark.parametrize("handler", [hold_for_ever, hold_in_thread])
async def test_a_timeout_ends_the_attempt_and_is_retried(handler: object) -> None:
    name = f"timeout {handler}"
    async with running() as (client, _):
        handle = await client.submit(handler, name, timeout=0.1, max_attempts=1)  # type: ignore[call-overload]

        with pytest.raises(JobTimeout, match=r"the attempt took longer than its timeout of 0.1 s"):
            await handle
        GATES.open(name)


async def test_a_deadline_ends_the_job_while_it_runs() -> None:
    async with running() as (client, _):
        soon = datetime.now(UTC) + timedelta(seconds=0.2)
        handle = await client.submit(hold_for_ever, "deadline", deadline=soon)

        with pytest.raises(JobTimeout) as caught:
            await handle
        assert caught.value.code == "deadline_exceeded"
        assert (await handle.job()).attempts == 1


# --- leases (R3, R4) ------------------------------------------------------------------------------
async def test_a_handler_that_blocks_the_loop_for_three_leases_keeps_its_job(url: str) -> None:
    async with running(url, lease=1.0) as (client, _):
        handle = await client.submit(block, 3.0)

        assert await handle == "unblocked"
        job = await handle.job()
        assert (job.attempts, job.fence, job.errors) == (1, 1, ())


async def test_a_worker_that_lost_its_lease_is_stopped_and_its_result_refused() -> None:
    async with open_storage("memory:") as storage:
        async with Server(storage, ALL, lease=1.0) as server:
            client = attached(storage, server)
            handle = await client.submit(hold_for_ever, "stolen")
            await GATES.wait_entered("stolen")
            # As if the lease had lapsed unseen: another settles the job under its fence.
            await storage.exchange([Settlement(handle.id, 1, "complete", output='"elsewhere"')], None)

            assert await handle == "elsewhere"
            await GATES.wait_entered("stolen left")
        assert server.stats().total == 0


async def test_a_lapsed_job_goes_to_another_worker() -> None:
    async with open_storage("memory:") as storage:
        handle = await Client(storage).submit(add_one, 1)
        await storage.exchange([], ClaimRequest("t", "dead", ("",), None, ("add_one",), 1, 1000))

        async with Server(storage, [add_one.options(retry=add_one.retry)], lease=1.0):
            assert await handle.result(timeout=8) == 2
        job = await handle.job()
        assert (job.attempts, job.fence, job.errors[0].code) == (2, 2, "lease_lapsed")


# --- cancel (R7) ----------------------------------------------------------------------------------
async def test_a_pending_job_is_cancelled_at_once_and_uncharged() -> None:
    async with running(concurrency=1) as (client, _):
        handle = await client.submit(add_one, 1, delay=60)

        assert await handle.cancel()
        with pytest.raises(JobCancelled):
            await handle
        assert (await handle.job()).attempts == 0


@pytest.mark.parametrize("handler", [hold_for_ever, hold_in_thread])
async def test_a_running_job_is_cancelled_within_a_second(url: str, handler: object) -> None:
    name = f"cancel {handler} {url}"
    async with running(url) as (client, _):
        handle = await client.submit(handler, name)  # type: ignore[call-overload]
        await GATES.wait_entered(name)
        await handle.cancel()

        with pytest.raises(JobCancelled):
            await handle.result(timeout=1.5)


async def test_a_worker_goes_on_after_a_cancelled_job() -> None:
    async with running(concurrency=1) as (client, server):
        for round_ in range(3):
            handle = await client.submit(hold_for_ever, f"round {round_}")
            await GATES.wait_entered(f"round {round_}")
            await handle.cancel()
            with pytest.raises(JobCancelled):
                await handle
        assert await (await client.submit(add_one, 1)) == 2
        assert server.stats().cancelled == 3


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
