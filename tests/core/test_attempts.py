"""R3-R5, R7-R9: what follows an attempt, who holds it, who ends it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    attached,
    block,
    fail_twice,
    give_up,
    hold_for_ever,
    hold_in_thread,
    running,
    snooze_once,
    wrong_output,
)
from wherry import (
    Client,
    InvalidOutput,
    JobCancelled,
    JobTimeout,
    PayloadTooLarge,
    PermanentError,
    Server,
    Worker,
    open_storage,
    task,
)
from wherry.messages import Claimed, ClaimRequest, NewJob, Report, Settlement


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


async def test_only_short_attempts_are_timed_here_where_somebody_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R8, B4: in a tab the keeper asks for the rest, and a timer stays for its whole time."""
    timed: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noted(delay: float, *rest: Any, **named: Any) -> asyncio.TimerHandle:
        timed.append(delay)
        return call_later(delay, *rest, **named)

    monkeypatch.setattr(loop, "call_later", noted)
    async with open_storage("memory:") as storage:
        client = Client(storage)
        await client.submit(add_one, 1, timeout=7.25)
        await client.submit(add_one, 1, timeout=77.25)
        assert await Worker(storage, ALL, watch=Watching(), concurrency=2).run_once() == 2
        await client.submit(add_one, 1, timeout=99.25)
        assert await Worker(storage, ALL, concurrency=2).run_once() == 1

    assert [delay for delay in timed if delay % 1 == 0.25] == [7.25, 99.25]


class Watching:
    """Hears of attempts and does nothing."""

    def enter(self, job: Claimed, *, blocking: bool) -> None: ...
    def leave(self, job: Claimed) -> None: ...
    def report(self, news: Report) -> None: ...


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
