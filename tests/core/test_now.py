"""T3: `now` runs here, `batch` is a true pool, outcomes tell success from failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    block,
    give_up,
    hold,
    hold_for_ever,
    running,
    snooze_once,
    submit_another,
)
from wherry import (
    Client,
    CompletedJob,
    Context,
    FailedJob,
    Filter,
    InvalidInput,
    JobCancelled,
    JobTimeout,
    NoDefaultClient,
    NotRun,
    PermanentError,
    Server,
    TaskPaused,
    open_storage,
    task,
)


@task(name="text.report", max_attempts=5)
async def report(text: str, context: Context) -> dict[str, int]:
    context.progress(50, "halfway")
    context.log("counted", words=2)
    return {"words": len(text.split())}


class Odd(Exception):
    """One that no stored error could be rebuilt to."""

    def __init__(self, one: object, two: object) -> None:
        super().__init__(f"{one} and {two}")
        self.both = (one, two)


@task
async def odd(value: int) -> int:
    if value % 2:
        raise Odd(value, object())
    return value


@pytest.fixture(params=["memory:", "sqlite:"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    url = f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)
    async with open_storage(url) as storage:
        client = Client(storage)
        with client:
            yield client


# --- now ---------------------------------------------------------------------------------------------------
async def test_now_runs_here_and_is_stored_as_a_finished_job(client: Client) -> None:
    outcome = await report.now("one two")

    assert outcome.error is None
    assert (outcome.output, outcome.name, outcome.status) == ({"words": 2}, "text.report", "completed")
    assert outcome.started is not None
    assert outcome.enqueued <= outcome.started <= outcome.completed
    assert outcome.job_id is not None
    job = await client.get(outcome.job_id)
    assert isinstance(job, CompletedJob)
    assert (job.output, job.attempts, job.progress and job.progress.percent) == ({"words": 2}, 1, 50)
    assert [(line.message, line.fields) for line in await client.logs(job.id)] == [("counted", {"words": 2})]


async def test_what_the_handler_raises_is_the_outcomes_error(client: Client) -> None:
    outcome = await odd.now(1)

    assert isinstance(outcome.error, Odd)
    assert outcome.error.both[0] == 1
    assert (outcome.status, outcome.output) == ("failed", None)
    assert outcome.job_id is not None
    job = await client.get(outcome.job_id)
    assert isinstance(job, FailedJob)
    assert (job.error.type, job.attempts, job.max_attempts) == ("Odd", 1, 1)


async def test_now_tries_once_and_comes_back_at_once(client: Client) -> None:
    outcome = await snooze_once.now(f"now snoozes {client.storage.url}")

    assert outcome.status == "failed"
    assert str(outcome.error) == "snoozed for 0.01 s"
    assert await client.size("failed") == 1


async def test_a_timeout_holds_now_as_well(client: Client) -> None:
    outcome = await hold_for_ever.options(timeout=0.02).now("now times out")

    assert isinstance(outcome.error, JobTimeout)
    assert await client.size("failed") == 1


async def test_plain_functions_run_in_a_thread_and_children_are_submitted(client: Client) -> None:
    assert (await add_one.now(1)).output == 2
    child = await submit_another.now("a b")
    assert await client.size("pending") == 1
    assert child.output == (await client.peek())[0].id


async def test_a_run_that_is_not_stored_needs_no_client() -> None:
    outcome = await report.now("one two three", persist=False)

    assert outcome.error is None
    assert (outcome.output, outcome.job_id) == ({"words": 3}, None)
    failed = await give_up.now("no", persist=False)
    assert isinstance(failed.error, PermanentError)


async def test_without_a_default_client_now_says_so() -> None:
    with pytest.raises(NoDefaultClient, match=r"no default client: call client.make_default\(\)"):
        await add_one.now(1)
    with pytest.raises(NoDefaultClient):
        await add_one.batch([1])
    unheard = await submit_another.now("a b", persist=False)
    assert isinstance(unheard.error, NoDefaultClient)


async def test_bad_input_is_refused_and_nothing_is_stored(client: Client) -> None:
    with pytest.raises(InvalidInput, match="invalid input for text.report: text: Input should be a valid"):
        await report.now(7)  # type: ignore[arg-type]
    assert await client.size() == 0


async def test_a_paused_task_is_not_run_now(client: Client) -> None:
    await client.pause(task="add_one")

    with pytest.raises(TaskPaused, match="'add_one' or its queue 'default' is paused"):
        await add_one.now(1)
    with pytest.raises(TaskPaused):
        await add_one.batch([1, 2])
    assert await client.size() == 0
    assert (await add_one.now(1, persist=False)).output == 2


async def test_a_worker_that_was_faster_gives_the_outcome() -> None:
    async with running() as (client, _):
        with client:
            outcomes = await add_one.batch(range(40), concurrency=10)

    assert [outcome.output for outcome in outcomes] == list(range(1, 41))


async def test_a_run_that_is_cancelled_from_elsewhere_ends_as_cancelled(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as here, open_storage(url) as there:
        with Client(here):
            run = asyncio.create_task(hold_for_ever.now("now cancelled"))
            await GATES.wait_entered("now cancelled")
            (job,), _ = await Client(there).query(Filter(states=("running",)))
            await Client(there).cancel(job.id)
            outcome = await asyncio.wait_for(run, 10)

    assert isinstance(outcome.error, JobCancelled)
    assert outcome.status == "cancelled"


async def test_giving_up_on_now_cancels_its_job(client: Client) -> None:
    gate = f"now given up {client.storage.url}"
    run = asyncio.create_task(hold_for_ever.now(gate))
    await GATES.wait_entered(gate)
    run.cancel()

    with pytest.raises(asyncio.CancelledError):
        await run
    assert await client.size("cancelled") == 1


async def test_code_that_blocks_the_loop_keeps_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wherry.here._LEASE_MS", 1000)
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as storage:
        with Client(storage) as client:
            outcome = await block.now(1.6)

        assert outcome.output == "unblocked"
        assert await client.size("completed") == 1


# --- batch -------------------------------------------------------------------------------------------------
async def test_a_batch_gives_one_outcome_an_input_in_their_order(client: Client) -> None:
    outcomes = await odd.batch([0, 1, 2, 3, 4], concurrency=2)

    assert [outcome.output for outcome in outcomes] == [0, None, 2, None, 4]
    assert [type(outcome.error).__name__ for outcome in outcomes] == [
        "NoneType",
        "Odd",
        "NoneType",
        "Odd",
        "NoneType",
    ]
    assert (await client.size("completed"), await client.size("failed")) == (3, 2)


async def test_a_slow_one_holds_up_nobody() -> None:
    run = asyncio.create_task(hold.batch([f"slow {n}" for n in range(4)], concurrency=2, persist=False))
    await GATES.wait_entered("slow 0")
    for fast in ("slow 1", "slow 2", "slow 3"):
        GATES.open(fast)
    await GATES.wait_entered("slow 3")  # the first one still runs
    GATES.open("slow 0")

    assert [outcome.output for outcome in await run] == ["slow 0", "slow 1", "slow 2", "slow 3"]


async def test_no_more_than_asked_for_run_at_once() -> None:
    most = now = 0

    @task
    async def counted(number: int) -> int:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return number

    outcomes = await counted.batch(range(50), concurrency=7, persist=False)
    assert ([outcome.output for outcome in outcomes], most) == (list(range(50)), 7)


async def test_an_input_that_does_not_fit_is_an_outcome_of_its_own() -> None:
    good, bad = await add_one.batch([1, "two"], persist=False)  # type: ignore[list-item]

    assert good.output == 2
    assert isinstance(bad.error, InvalidInput)
    assert (bad.status, bad.started, bad.job_id) == ("failed", None, None)


async def test_the_first_error_stops_the_rest_if_asked(client: Client) -> None:
    waits = asyncio.Event()

    @task
    async def first_fails(name: str) -> str:
        if name == "fails":
            await waits.wait()
            raise ValueError(name)
        waits.set()
        await asyncio.Event().wait()
        return name

    outcomes = await first_fails.batch(["waits", "fails", "never"], concurrency=2, stop_on_error=True)

    assert [outcome.status for outcome in outcomes] == ["cancelled", "failed", "not_run"]
    assert isinstance(outcomes[2].error, NotRun)
    assert (await client.size("cancelled"), await client.size()) == (1, 2)


async def test_an_empty_batch_is_no_work_and_a_wrong_one_is_refused() -> None:
    assert await add_one.batch([], persist=False) == []
    with pytest.raises(InvalidInput, match="concurrency: must be a whole number from 1 to 1000000, not 0"):
        await add_one.batch([1], concurrency=0, persist=False)


async def test_now_beside_a_busy_server_runs_in_this_process() -> None:
    async with open_storage("memory:") as storage, Server(storage, ALL, concurrency=1):
        with Client(storage) as client:
            await client.submit(hold, "busy server")
            await GATES.wait_entered("busy server")
            assert (await add_one.now(1)).output == 2
            GATES.open("busy server")
