"""Q4, Q5, R3, R4, R5, R7: leases when workers block, stop, die, or live on hosts whose clocks jump.

Most of it is waiting for leases of a second, so several scenarios are played at once.
"""

from __future__ import annotations

import asyncio
import json
import signal
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.chaos import tasks
from tests.chaos.clock import HostClock
from tests.chaos.crew import Crew, crew
from wherry import JobCancelled, JobFailed, Task
from wherry.job import JobRow
from wherry_server import create_app
from wherry_server.serving import serving

HOUR_MS = 3_600_000
LEASE_MS = 1000
Scenario = Callable[[Crew], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(play: Scenario) -> Scenario:
    SCENARIOS[play.__name__] = play
    return play


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, asyncio.Task[None]]]:
    stages = asyncio.Semaphore(4)

    async def play(name: str, folder: Path) -> None:
        async with stages, crew(folder) as made:
            await SCENARIOS[name](made)
            assert made.complaints() == ""

    base = tmp_path_factory.mktemp("leases")
    for name in SCENARIOS:
        (base / name).mkdir()
    playing = {name: asyncio.create_task(play(name, base / name)) for name in SCENARIOS}
    yield playing
    for each in playing.values():
        each.cancel()
    await asyncio.wait(playing.values())


def codes(row: JobRow) -> list[str]:
    return [json.loads(line)["code"] for line in row.errors.splitlines()]


# --- workers that block ---------------------------------------------------------------------------------
@scenario
async def a_handler_that_blocks_for_three_leases_keeps_its_job(made: Crew) -> None:
    await made.hire()
    await made.hire()
    handle = await made.client.submit(tasks.block, 3.2)

    await handle.result(30)

    row = await made.row(handle.id)
    assert (row.attempt, row.fence, row.errors) == (1, 1, "")


@scenario
async def a_handler_that_blocks_past_its_timeout_loses_its_job(made: Crew) -> None:
    await made.hire()
    await made.hire()
    handle = await made.client.submit(tasks.block_first, 30.0, timeout=0.5)

    assert await handle.result(30) == "attempt 2"

    assert codes(await made.row(handle.id)) == ["lease_lapsed"]


# --- workers that stop ----------------------------------------------------------------------------------
@scenario
async def a_stopped_worker_loses_its_job_and_is_told_when_it_goes_on(made: Crew) -> None:
    first = await made.hire(name="first")
    handle = await made.client.submit(tasks.linger, str(made.ledger))
    await made.until(handle.id)
    await made.stop(first)
    await made.hire(name="second")
    assert await handle.result(30) == "attempt 2"

    first.send(signal.SIGCONT)

    await appears(made.ledger, lines=2)
    assert tasks.read(made.ledger) == ["begun", "told to stop"]
    row = await made.row(handle.id)
    assert (row.worker, row.output, codes(row)) == ("second", '"attempt 2"', ["lease_lapsed"])


@scenario
async def a_stopped_workers_late_result_is_refused(made: Crew) -> None:
    first = await made.hire(name="first")
    handle = await made.client.submit(tasks.block_first, 0.5)
    await made.until(handle.id)
    await made.stop(first)
    await made.hire(name="second", queue="default")
    assert await handle.result(30) == "attempt 2"

    first.send(signal.SIGCONT)  # its half second is long over: it returns at once
    # A worker settles what has ended before it claims: once it has run this, it has tried.
    await (await made.client.submit(tasks.wait.options(queue="first"), 0.0)).result(30)

    row = await made.row(handle.id)
    assert (row.state, row.output, row.fence) == ("completed", '"attempt 2"', 2)


# --- workers that die -------------------------------------------------------------------------------------
@scenario
async def a_killed_workers_job_starts_again_within_its_lease_and_five_seconds(made: Crew) -> None:
    first = await made.hire(name="first")
    handle = await made.client.submit(tasks.wait, 60.0)
    await made.until(handle.id)
    await made.hire(name="second")
    await first.kill()
    killed = await made.row(handle.id)

    again = await made.until(handle.id, attempt=2)

    assert killed.lease_until_ms is not None
    assert again.attempted_at_ms is not None
    assert killed.worker == "first"
    assert killed.lease_until_ms <= again.attempted_at_ms <= killed.lease_until_ms + 5000


@scenario
async def a_job_that_kills_its_worker_each_time_ends_as_failed(made: Crew) -> None:
    handle = await made.client.submit(tasks.poison)
    for _ in range(3):
        hand = await made.hire()
        await hand.process.wait()
    await made.hire()

    with pytest.raises(JobFailed):
        await handle.result(30)

    row = await made.row(handle.id)
    assert (row.state, row.attempt, codes(row)) == ("failed", 3, ["lease_lapsed"] * 3)


@scenario
async def a_pause_outlives_all_workers(made: Crew) -> None:
    await made.client.pause(queue="default")
    waiting = await made.client.submit(tasks.wait, 0.0)
    other = tasks.wait.options(queue="other")
    for _ in range(2):
        hand = await made.hire()
        await (await made.client.submit(other, 0.0)).result(30)
        await hand.kill()
    await made.hire()
    await (await made.client.submit(other, 0.0)).result(30)
    paused = await made.row(waiting.id)

    await made.client.resume(queue="default")

    await waiting.result(30)
    assert (paused.state, paused.attempt) == ("pending", 0)


# --- clocks that jump -------------------------------------------------------------------------------------
async def survives(made: Crew, jump_ms: int) -> None:
    await made.hire()
    await made.hire()
    handle = await made.client.submit(tasks.wait, 4.0)
    await made.until(handle.id)
    await asyncio.sleep(1.5)  # until the grace that each sweeper grants after its start is over

    made.clock.jump(jump_ms)

    await handle.result(30)
    row = await made.row(handle.id)
    assert (row.attempt, row.errors) == (1, "")


@scenario
async def a_clock_that_jumps_an_hour_ahead_costs_nobody_a_live_job(made: Crew) -> None:
    await survives(made, HOUR_MS)


@scenario
async def a_clock_that_jumps_an_hour_back_costs_nobody_a_live_job(made: Crew) -> None:
    await survives(made, -HOUR_MS)


@scenario
async def a_dead_workers_job_comes_back_although_the_clock_has_jumped_ahead(made: Crew) -> None:
    first = await made.hire(name="first")
    handle = await made.client.submit(tasks.wait, 60.0)
    await made.until(handle.id)
    await made.hire(name="second")
    await first.kill()

    made.clock.jump(HOUR_MS)

    assert (await made.until(handle.id, attempt=2)).worker == "second"


@scenario
async def over_http_a_worker_whose_clock_is_an_hour_off_works_as_ever(made: Crew) -> None:
    HostClock(made.folder / "ahead").jump(HOUR_MS)
    HostClock(made.folder / "behind").jump(-HOUR_MS)
    async with serving(create_app(made.storage, tokens=None)) as address:
        for clock in ("ahead", "behind"):
            await made.hire(url=address.url, clock=made.folder / clock)
        handles = [await made.client.submit(tasks.wait, 3.0) for _ in range(4)]
        for handle in handles:
            await handle.result(30)

        rows = [await made.row(handle.id) for handle in handles]
        await made.end()
    assert [(row.attempt, row.errors) for row in rows] == [(1, "")] * 4


@scenario
async def over_http_a_jump_of_the_servers_clock_costs_nobody_a_live_job(made: Crew) -> None:
    async with serving(create_app(made.storage, tokens=None)) as address:
        for _ in range(2):
            await made.hire(url=address.url, clock=made.folder / "own")
        handle = await made.client.submit(tasks.wait, 4.0)
        await made.until(handle.id)
        await asyncio.sleep(1.5)

        made.clock.jump(HOUR_MS)

        await handle.result(30)
        row = await made.row(handle.id)
        await made.end()
    assert (row.attempt, row.errors) == (1, "")


# --- cancels from another process -------------------------------------------------------------------------
async def cancelled_within_a_second(made: Crew, lingering: Task[str, Any], left: list[str]) -> None:
    """Three times, of which the median counts: the machine may be busy.  `left` is what each has noted."""
    await made.hire(lease=30)
    took_ms: list[int] = []
    for turn in range(3):
        ledger = made.folder / f"ledger-{turn}"
        handle = await made.client.submit(lingering, str(ledger))
        await appears(ledger)
        await handle.cancel()
        with pytest.raises(JobCancelled):
            await handle.result(30)
        row = await made.row(handle.id)
        assert row.cancel_requested_at_ms is not None
        assert row.finished_at_ms is not None
        took_ms.append(row.finished_at_ms - row.cancel_requested_at_ms)
        assert tasks.read(ledger) == left
    assert statistics.median(took_ms) <= 1000, took_ms


@scenario
async def a_coroutine_is_cancelled_from_elsewhere_within_a_second(made: Crew) -> None:
    await cancelled_within_a_second(made, tasks.linger, ["begun", "told to stop"])


@scenario
async def a_thread_is_cancelled_from_elsewhere_within_a_second(made: Crew) -> None:
    await cancelled_within_a_second(made, tasks.linger_in_thread, ["begun", "told to stop"])


@scenario
async def a_process_is_cancelled_from_elsewhere_within_a_second(made: Crew) -> None:
    await cancelled_within_a_second(made, tasks.linger_in_process, ["begun"])


async def appears(ledger: Path, *, lines: int = 1) -> None:
    """Files of other processes give no event."""
    async with asyncio.timeout(30):
        while len(tasks.read(ledger)) < lines:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- the tests ----------------------------------------------------------------------------------------------
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SCENARIOS)
async def test_leases(played: Mapping[str, asyncio.Task[None]], name: str) -> None:
    await played[name]
