"""`wherry.testing`: inline mode, drain, assert_submitted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wherry import Backoff, Client, Context, JobFailed, Snooze, open_storage, task
from wherry.testing import Drained, ManualClock, assert_submitted, drain, inline, inline_queue

DAY_S = 86_400.0


@task(name="t.double")
async def double(number: int) -> int:
    return number * 2


@task(name="t.plain")
def plain(number: int) -> int:
    return number + 1


@task(name="t.flaky", max_attempts=3, retry=Backoff(first=10 * DAY_S, factor=1.0, limit=99 * DAY_S, jitter=0))
async def flaky(number: int, context: Context) -> int:
    if context.attempt < number:
        raise ValueError("not yet")
    return context.attempt


@task(name="t.parent")
async def parent(number: int, context: Context) -> None:
    context.progress(50, "half")
    await context.submit(double, number)


@task(name="t.for_ever")
async def for_ever() -> None:
    raise Snooze(1)


async def test_a_submit_runs_at_once_and_so_does_what_it_submits() -> None:
    async with inline_queue([double, parent]) as client:
        handle = await client.submit(parent, 4)

        assert (await handle.job()).state == "completed"
        assert (await assert_submitted(client, double, 4)).output == "8"
        assert await (await double.later(5)) == 10


async def test_inline_retries_take_no_time_and_failures_are_kept() -> None:
    async with inline_queue([flaky]) as client:
        assert await (await client.submit(flaky, 3)).result(1) == 3
        with pytest.raises(ValueError, match="not yet"):
            await (await client.submit(flaky, 9)).result(1)


async def test_inline_ends_with_its_block() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        with inline(client, [plain]):
            assert (await (await client.submit(plain, 1)).job()).state == "completed"

        assert (await (await client.submit(plain, 1)).job()).state == "pending"


async def test_a_month_of_delays_passes_in_no_time() -> None:
    clock = ManualClock()
    async with open_storage("memory:", clock=clock) as storage:
        client = Client(storage)
        await client.submit(double, 1, delay=30 * DAY_S)
        await client.submit(flaky, 3)
        started_ms = clock.now_ms()

        assert await drain(storage, [double, flaky]) == Drained(retried=1)
        assert await drain(storage, [double, flaky], advance=clock) == Drained(completed=2, retried=1)

        assert clock.now_ms() - started_ms == 30 * DAY_S * 1000


async def test_drain_leaves_other_tasks_and_settles_what_is_over() -> None:
    clock = ManualClock()
    async with open_storage("memory:", clock=clock) as storage:
        client = Client(storage)
        other = await client.submit(plain, 1)
        failing = await client.submit(flaky, 9, max_attempts=1)
        child = await client.submit(double, 1, after=[failing])

        assert await drain(storage, [double, flaky]) == Drained(failed=1)

        assert (await other.job()).state == "pending"
        with pytest.raises(JobFailed):
            await child.result(1)


async def test_a_job_that_always_comes_back_ends_the_test() -> None:
    clock = ManualClock()
    async with open_storage("memory:", clock=clock) as storage:
        await Client(storage).submit(for_ever)

        with pytest.raises(AssertionError, match="50 attempts were run and something is due yet"):
            await drain(storage, [for_ever], advance=clock, limit=50)


async def test_what_was_submitted_is_found_by_input_and_options() -> None:
    clock = ManualClock()
    async with open_storage("memory:", clock=clock, namespace="n") as storage:
        client = Client(storage)
        due = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(days=1)
        await client.submit(double, 1, priority=-5, tags=["a", "b"], run_at=due)
        handle = await client.submit(double, 2, delay=60.0)

        found = await assert_submitted(storage, double, 2, delay=60.0, state="pending")
        assert found.id == handle.id
        await assert_submitted(client, "t.double", 1, priority=-5, tags=["b"], run_at=due)
        await assert_submitted(client, double)


async def test_a_failed_assertion_shows_what_was_found_instead() -> None:
    async with open_storage("memory:") as storage:
        client = Client(storage)
        with pytest.raises(AssertionError, match="There is no job at all"):
            await assert_submitted(client, double)
        await client.submit(double, 1, priority=3)

        with pytest.raises(AssertionError) as other_input:
            await assert_submitted(client, double, 2)
        with pytest.raises(AssertionError) as other_option:
            await assert_submitted(client, double, 1, priority=-5)
        with pytest.raises(AssertionError, match=r"none of this task, but of: t\.double"):
            await assert_submitted(client, plain)
        with pytest.raises(TypeError, match="'colour' is no option"):
            await assert_submitted(client, double, colour="red")

    assert str(other_input.value) == (
        "no job was submitted of t.double with 2. There are 1 of t.double:\n  1 (pending)"
    )
    assert str(other_option.value).endswith("1 (pending) {'priority': 3}")
