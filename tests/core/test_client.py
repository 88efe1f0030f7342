"""C1-C6, C8, T7: submit, observe, change; on memory, and on SQLite where two connections meet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    always_fail,
    count_words,
    hold,
    hold_for_ever,
    running,
    submit_another,
)
from wherry import (
    CancelledJob,
    Client,
    CompletedJob,
    Event,
    FailedJob,
    InvalidInput,
    JobCancelled,
    JobDisabled,
    JobFailed,
    JobNotFound,
    JobState,
    PendingJob,
    ResultTimeout,
    RunningJob,
    Server,
    StorageUnavailable,
    open_storage,
)
from wherry.messages import ClaimRequest, Settlement


def claim_request(task: str) -> ClaimRequest:
    return ClaimRequest("token", "w", ("",), None, (task,), 10, 30_000)


@pytest.fixture(params=["memory:", "sqlite:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)


async def test_the_example_of_the_design_works(url: str) -> None:
    async with running(url) as (client, _):
        handle = await client.submit(count_words, "one two three", priority=0, delay=0.0)

        assert await handle.result() == 3
        assert await handle == 3
        job = await handle.job()
        assert isinstance(job, CompletedJob)
        assert (job.output, job.attempts, job.task, job.queue) == (3, 1, "text.count", "default")


async def test_many_are_stored_at_once_and_answered_in_order(url: str) -> None:
    async with running(url) as (client, _):
        handles = await client.submit_many(add_one, range(600))

        assert await asyncio.gather(*handles) == list(range(1, 601))


# --- result() on every race (C4) -------------------------------------------------------------------
async def test_a_result_is_there_although_the_job_finished_before() -> None:
    async with running() as (client, _):
        handle = await client.submit(add_one, 1)
        await handle
        late = Client(client.storage)

        assert await late.wait_for(handle.id) == 2


async def test_a_result_is_there_although_the_job_was_deleted_when_it_completed() -> None:
    async with running(delete_after_completion=0) as (client, _):
        handle = await client.submit(add_one, 1)

        assert await handle == 2
        assert await client.size() == 0


async def test_a_bare_client_waits_without_attach_or_connect(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as here, open_storage(url) as there, Server(there, ALL):
        handle = await Client(here).submit(add_one, 41)

        assert await handle.result(timeout=10) == 42


async def test_a_result_that_takes_too_long_leaves_the_job_alone() -> None:
    async with open_storage("memory:") as storage:
        handle = await Client(storage).submit(add_one, 1)

        with pytest.raises(
            ResultTimeout, match=r"is not finished after 0.01 s: it goes on; wait again, or cancel it"
        ):
            await handle.result(timeout=0.01)
        assert (await handle.job()).state == JobState.PENDING


async def test_waiting_for_a_job_that_is_not_there_tells_so() -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(JobNotFound, match="no job 'gone' is stored"):
            await Client(storage).wait_for("gone")


async def test_a_waiter_hears_that_the_storage_was_closed() -> None:
    storage = open_storage("memory:")
    await storage.__aenter__()
    handle = await Client(storage).submit(add_one, 1)
    waiting = asyncio.ensure_future(handle.result())
    await asyncio.sleep(0)
    await storage.__aexit__(None, None, None)

    with pytest.raises(StorageUnavailable, match="closed"):
        async with asyncio.timeout(5):
            await waiting


async def test_a_waiter_hears_that_its_client_was_closed() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        handle = await client.submit(add_one, 1)
        waiting = asyncio.ensure_future(handle.result())
        await client.follower.ready()
        await client.disconnect()

        with pytest.raises(
            StorageUnavailable, match="the client was closed while it waited: the job goes on"
        ):
            await waiting


async def test_a_failed_job_raises_its_own_exception() -> None:
    async with running() as (client, _):
        handle = await client.submit(always_fail, "no luck")

        with pytest.raises(ValueError, match="no luck") as caught:
            await handle
        assert "always_fail" in caught.value.__notes__[0]
        job = await handle.job()
        assert isinstance(job, FailedJob)
        assert [(error.attempt, error.type, error.message) for error in job.errors] == [
            (1, "ValueError", "no luck"),
            (2, "ValueError", "no luck"),
        ]


async def test_an_exception_of_elsewhere_becomes_job_failed() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        handle = await client.submit(add_one, 1)
        await storage.exchange([], claim_request("add_one"))
        error = '{"type": "Boom", "module": "not_here", "message": "bang", "code": "boom", "traceback": "tb"}'
        await storage.exchange([Settlement(handle.id, 1, "fail", error=error)], None)

        with pytest.raises(JobFailed) as caught:
            await handle
        assert str(caught.value) == f"job {handle.id} failed with Boom: bang"
        assert (caught.value.type, caught.value.traceback, caught.value.error_code) == ("Boom", "tb", "boom")


async def test_a_cancelled_and_a_disabled_job_raise_so() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        first, second = await client.submit_many(add_one, [1, 2])
        assert await first.cancel()
        assert not await first.cancel()
        assert await client.disable(second.id)

        with pytest.raises(JobCancelled, match="was cancelled: submit it again"):
            await first
        with pytest.raises(JobDisabled, match="is disabled: "):
            await second
        assert isinstance(await first.job(), CancelledJob)


# --- views and counts (C5, T7) -----------------------------------------------------------------------
async def test_jobs_are_read_back_as_what_they_are() -> None:
    async with running(concurrency=1) as (client, _):
        held = await client.submit(hold, "views")
        waiting = await client.submit(add_one, 1)
        await GATES.wait_entered("views")

        running_job, pending_job = await held.job(), await waiting.job()
        assert isinstance(running_job, RunningJob)
        assert isinstance(pending_job, PendingJob)
        assert not hasattr(pending_job, "output")
        assert running_job.lease_until > running_job.run_at
        assert (await client.size("running"), await client.size(JobState.PENDING), await client.size()) == (
            1,
            1,
            2,
        )
        assert [job.id for job in await client.peek("pending")] == [waiting.id]
        GATES.open("views")
        assert await waiting == 2


async def test_pages_walk_over_all_jobs_once() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        ids = [handle.id for handle in await client.submit_many(add_one, range(25))]
        seen: list[str] = []
        cursor = None
        while True:
            jobs, cursor = await client.query(limit=10, cursor=cursor)
            seen += [job.id for job in jobs]
            if cursor is None:
                break

        assert seen == ids[::-1]


async def test_the_output_for_an_input_is_found_again() -> None:
    async with running() as (client, _):
        await (await client.submit(count_words, "a b c"))

        assert await client.output_for(count_words, "a b c") == 3
        assert await client.output_for(count_words, "a b") is None


async def test_one_namespace_never_sees_anothers_jobs() -> None:
    async with open_storage("memory:") as storage:
        blue, red = Client(storage, namespace="blue"), Client(storage, namespace="red")
        handle = await blue.submit(add_one, 1)

        assert (await blue.size(), await red.size()) == (1, 0)
        for refused in (red.get, red.cancel, red.retry, red.delete, red.disable, red.why, red.logs):
            with pytest.raises(JobNotFound, match="another storage or namespace"):
                await refused(handle.id)
        with pytest.raises(JobNotFound):
            await red.wait_for(handle.id)
        assert (await handle.job()).state == "pending"


# --- change (C8) ---------------------------------------------------------------------------------------
async def test_a_failed_job_is_put_back_with_its_history() -> None:
    async with running() as (client, _):
        handle = await client.submit(always_fail, "again")
        with pytest.raises(ValueError, match="again"):
            await handle

        assert await client.retry(handle.id)
        with pytest.raises(ValueError, match="again"):
            await handle
        assert [error.attempt for error in (await handle.job()).errors] == [1, 2, 3, 4]


async def test_a_final_job_can_be_deleted_and_an_unfinished_one_not() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        handle = await client.submit(add_one, 1)

        assert not await client.delete(handle.id)
        await handle.cancel()
        assert await client.delete(handle.id)
        with pytest.raises(JobNotFound):
            await client.cancel(handle.id)


async def test_a_run_is_cancelled_as_one() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        await client.submit_many(add_one, range(5), run_id="r")
        other = await client.submit(add_one, 9)

        assert await client.cancel_run("r") == 5
        assert (await other.job()).state == JobState.PENDING


async def test_a_duplicate_gets_the_handle_of_the_job_that_stands() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        first = await client.submit(add_one, 1, unique="only")
        second = await client.submit(add_one, 2, unique="only")

        assert (second.id, second.duplicate_of, first.duplicate_of) == (first.id, first.id, None)


# --- events (C1, C3, C6) -----------------------------------------------------------------------------
async def test_an_attached_client_hears_of_everything_in_order() -> None:
    heard: list[tuple[str, Any]] = []
    async with running() as (client, _):
        for name in ("job_added", "job_start", "job_progress", "job_complete", "server_stop"):
            client.on(name, lambda event: heard.append((event.name, event.output)))
        handle = await client.submit(count_words, "one two")
        await handle
    client.detach()

    assert [name for name, _ in heard] == [
        "job_added",
        "job_start",
        "job_progress",
        "job_complete",
        "server_stop",
    ]
    assert heard[3] == ("job_complete", 2)


async def test_progress_is_heard_as_it_was_told() -> None:
    heard: list[Event] = []
    async with running() as (client, _):
        handle = await client.submit(count_words, "one two", delay=0.05)
        stop = handle.on_progress(heard.append)
        await handle
        stop()

    event = heard[0]
    assert (event.percent, event.message, event.details) == (50, "halfway", {"stage": "counting"})


async def test_the_events_of_one_job_end_with_it() -> None:
    async with running() as (client, _):
        handle = await client.submit(always_fail, "twice", delay=0.05)
        events = [event async for event in handle.events()]

    assert [event.name for event in events] == ["job_start", "job_retry", "job_start", "job_error"]
    assert events[1].retry_at is not None
    assert events[3].error is not None
    assert events[3].error["message"] == "twice"


async def test_a_connected_client_hears_of_another_connection(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as here, open_storage(url) as there, Client(here) as client:
        done: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        client.on("job_complete", done.set_result)
        async with Server(there, ALL):
            handle = await Client(there).submit(add_one, 1)
            event = await asyncio.wait_for(done, 10)

        assert (event.job_id, event.output) == (handle.id, 2)


async def test_a_listener_that_raises_harms_nobody() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with running() as (client, _):
        client.on("job_complete", lambda event: 1 / 0)
        assert await (await client.submit(add_one, 1)) == 2

    assert isinstance(told[0]["exception"], ZeroDivisionError)


async def test_an_unknown_event_is_refused() -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(InvalidInput, match="name: 'job_done' is no event; there are job_added"):
            Client(storage).on("job_done", print)


# --- default client ------------------------------------------------------------------------------------
async def test_later_goes_through_the_default_client() -> None:
    async with running() as (client, _):
        with client:
            assert await (await add_one.later(1)) == 2
        client.make_default()
        assert await (await add_one.later(2)) == 3


async def test_a_handler_submits_to_its_own_storage() -> None:
    async with running() as (client, _):
        child = await (await client.submit(submit_another, "a b c"))

        assert await client.wait_for(child) == 3


async def test_a_running_job_is_cancelled_from_another_connection(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as here, open_storage(url) as there, Server(there, ALL, lease=30):
        client = Client(here)
        handle = await client.submit(hold_for_ever, "cancel me")
        await GATES.wait_entered("cancel me")
        await handle.cancel()

        with pytest.raises(JobCancelled):
            await handle.result(timeout=3)
