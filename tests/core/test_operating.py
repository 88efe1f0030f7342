"""R6, R16, R17, R18, R19, C8: pause, bulk changes, dead letters, why, vitals, health, hooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    always_fail,
    count_words,
    fail_twice,
    hold,
    running,
    submit_another,
)
from wherry import (
    Backoff,
    Client,
    Context,
    FailedJob,
    Filter,
    InvalidInput,
    InvalidOutput,
    JobHandle,
    PermanentError,
    Server,
    Worker,
    open_storage,
    task,
)
from wherry.clock import ManualClock
from wherry.duties import Duties
from wherry.messages import ClaimRequest, NewJob, RecordWrite, Settlement, Wake
from wherry.sweeper import Sweeper
from wherry.vitals import STALE_S, StaleWorkers, vitals_write


@pytest.fixture(params=["memory:", "sqlite:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with open_storage(url) as storage:
        yield Client(storage)


async def claim(client: Client, name: str, number: int = 1) -> None:
    request = ClaimRequest(f"token {name} {number}", "w1", ("",), None, (name,), number, 30_000)
    await client.storage.exchange([], request)


# --- pause (R16) ---------------------------------------------------------------------------------------
async def test_a_paused_queue_starts_nothing_until_it_is_resumed(client: Client) -> None:
    mail = add_one.options(queue="mail")
    await client.pause(queue="mail")
    held, free = await client.submit(mail, 1), await client.submit(count_words, "one")
    worker = Worker(client.storage, [mail, count_words])

    assert await worker.run_once() == 1
    assert (await held.job()).state == "pending"
    assert await free == 1
    assert [(p.kind, p.name, p.namespace) for p in await client.paused()] == [("queue", "mail", "")]
    assert await client.resume(queue="mail")
    assert not await client.resume(queue="mail")
    assert await worker.run_once() == 1
    assert await held == 2


async def test_a_pause_survives_a_restart_and_is_one_namespaces_own(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/jobs.db"
    async with open_storage(url) as storage:
        await Client(storage).pause(task="add_one")
        since = (await Client(storage).paused())[0].since
        await Client(storage).pause(task="add_one")  # again: the first one stands
    async with open_storage(url) as storage:
        client, blue = Client(storage), Client(storage, namespace="blue")
        await client.submit(add_one, 1)
        await blue.submit(add_one, 1)

        assert [(pause.name, pause.since) for pause in await client.paused()] == [("add_one", since)]
        assert await blue.paused() == []
        assert await Worker(storage, [add_one]).run_once() == 0
        assert await Worker(storage, [add_one], namespaces=["blue"]).run_once() == 1


async def test_a_server_goes_on_soon_after_a_resume(client: Client) -> None:
    await client.pause(queue="default")
    async with Server(client.storage, ALL) as server:
        handle = await client.submit(add_one, 1)
        await server._duties.look()  # pyright: ignore[reportPrivateUsage] - now instead of in four seconds
        await client.resume(queue="default")
        await server._duties.look()  # pyright: ignore[reportPrivateUsage] - likewise
        assert await handle.result(timeout=5) == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "give either queue= or task="),
        ({"queue": "a", "task": "b"}, "give either queue= or task="),
        ({"queue": ""}, "queue: must be printable text of 1 to 1000 characters, not ''"),
        ({"queue": "a/b"}, "queue: must hold no '/'"),
        ({"task": 7}, "task: must be printable text of 1 to 1000 characters, not 7"),
    ],
)
async def test_a_wrong_pause_is_refused(client: Client, options: dict[str, Any], problem: str) -> None:
    for verb in (client.pause, client.resume):
        with pytest.raises(InvalidInput) as caught:
            await verb(**options)
        assert problem in str(caught.value)
    assert await client.paused() == []


# --- many at once (R6, C8) -----------------------------------------------------------------------------
async def fail_all(client: Client, name: str, handles: list[JobHandle[Any]]) -> None:
    await claim(client, name, len(handles))
    error = json.dumps({"type": "ValueError", "message": "no", "attempt": 1})
    settle = [Settlement(handle.id, 1, "fail", error=error) for handle in handles]
    await client.storage.exchange(settle, None)


async def test_dead_letters_are_put_back_in_batches(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wherry.altering._BATCH", 7)
    handles = await client.submit_many(add_one, range(20))
    await fail_all(client, "add_one", handles)
    cancelled = await client.submit(add_one, 99)
    await cancelled.cancel()

    assert await client.retry_many(limit=5) == 5
    assert [job.id for job in await client.peek("pending")] == [handle.id for handle in handles[:5]]
    assert await client.retry_many(Filter(states=("failed",), queues=("other",))) == 0
    assert await client.retry_many() == 15
    assert (await client.size("pending"), await client.size("cancelled")) == (20, 1)
    assert [error.message for error in (await handles[0].job()).errors] == ["no"]


async def test_a_job_that_fails_again_at_once_is_put_back_once() -> None:
    async with running() as (client, _):
        bad = always_fail.options(max_attempts=1)
        handles = await client.submit_many(bad, ["x"] * 5)
        await asyncio.gather(*handles, return_exceptions=True)

        assert await client.retry_many() == 5


async def test_many_final_jobs_are_deleted_and_others_stay(client: Client) -> None:
    first, second, third = await client.submit_many(add_one, range(3), run_id="r")
    await first.cancel()
    await second.cancel()

    assert await client.delete_many(Filter(run_id="r"), limit=1) == 1
    assert await client.delete_many(Filter(run_id="r")) == 1
    assert [job.id for job in await client.get_run("r")] == [third.id]


async def test_dead_letters_are_handed_to_the_hook() -> None:
    letters: asyncio.Queue[FailedJob[Any]] = asyncio.Queue()

    async def keep(job: FailedJob[Any]) -> None:
        letters.put_nowait(job)

    async with (
        open_storage("memory:") as storage,
        Server(storage, ALL, on_dead_letter=keep, delete_after_failure=0),
    ):
        await Client(storage).submit(always_fail, "for the hook")
        job = await asyncio.wait_for(letters.get(), 10)

    assert (job.error.message, job.input, len(job.errors)) == ("for the hook", "for the hook", 2)


async def test_a_hook_that_raises_harms_nobody_and_is_told() -> None:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.put_nowait(context))
    async with running(on_dead_letter=lambda job: 1 / 0) as (client, _):
        handle = await client.submit(always_fail.options(max_attempts=1), "x")
        with pytest.raises(ValueError, match="x"):
            await handle
        context = await asyncio.wait_for(told.get(), 10)
        assert await (await client.submit(add_one, 1)) == 2

    assert context["message"] == f"the dead-letter hook failed for job {handle.id}"


async def test_a_job_that_a_sweeper_fails_is_a_dead_letter_too() -> None:
    clock, letters = ManualClock(), list[str]()
    async with open_storage("memory:", clock=clock) as storage:
        handle = await Client(storage).submit(add_one, 1, max_attempts=1)
        await claim(Client(storage), "add_one")
        clock.advance(31_000)
        sweeper = Sweeper(storage, lease_ms=0, failed=letters.append)
        await sweeper.sweep()

    assert letters == [handle.id]


async def test_what_is_no_hook_is_refused(client: Client) -> None:
    with pytest.raises(InvalidInput, match="on_dead_letter: must be a function of one job, not 'log'"):
        Server(client.storage, ALL, on_dead_letter="log")  # type: ignore[arg-type]


# --- why (R19) -----------------------------------------------------------------------------------------
async def test_why_says_what_a_pending_job_waits_for(client: Client) -> None:
    later = await client.submit(add_one, 1, delay=3600)
    assert (await client.why(later.id)).startswith("It is scheduled for 20")

    due = await client.submit(add_one, 1)
    assert await client.why(due.id) == "No server tells that it is alive: start one that has 'add_one'."
    await client.pause(task="add_one")
    assert await client.why(due.id) == "Its task 'add_one' is paused: `client.resume(task='add_one')`."


async def test_why_knows_the_workers(client: Client) -> None:
    due = await client.submit(add_one, 1)
    other = Server(client.storage, [count_words], name="other")
    await client.storage.write([vitals_write(other.vitals())])
    assert await client.why(due.id) == (
        "None of the 1 worker alive knows the task 'add_one': start one that does."
    )

    fit = Server(client.storage, [add_one], queues=["mail"], name="fit", concurrency=2)
    await client.storage.write([vitals_write(fit.vitals())])
    assert await client.why(due.id) == (
        "Workers know the task 'add_one', but none of them takes the queue 'default' in the namespace ''."
    )

    fit = Server(client.storage, [add_one], name="fit", concurrency=2)
    await client.storage.write([vitals_write(fit.vitals())])
    assert await client.why(due.id) == "It is due: one of 1 worker with 2 slots will start it."
    busy = vitals_write(fit.vitals())._replace(
        value=json.dumps({**json.loads(vitals_write(fit.vitals()).value or ""), "active": 2})
    )
    await client.storage.write([busy])
    await client.submit(add_one, 2)
    assert await client.why(due.id) == (
        "All 2 slots of the 1 worker that can run it are taken, and 2 jobs of its kind wait."
    )


async def test_why_tells_of_retries_parents_and_ends(client: Client) -> None:
    parent = await client.submit(add_one, 1)
    child = await client.submit(add_one, 2, after=[parent])
    assert await client.why(child.id) == f"It waits for 1 job ({parent.id} (pending)) to finish first."

    await claim(client, "add_one")
    assert "in w1, attempt 1 of 4." in await client.why(parent.id)
    await parent.cancel()
    assert (await client.why(parent.id)).endswith("; it is asked to stop.")
    error = json.dumps({"type": "OSError", "message": "no line", "attempt": 1})
    retried = await client.submit(always_fail, "x", max_attempts=2)
    await claim(client, "always_fail")
    await client.storage.exchange([Settlement(retried.id, 1, "retry", error=error, delay_ms=60_000)], None)
    said = await client.why(retried.id)
    assert said.startswith("It waits for its retry at 20")
    assert said.endswith(": attempt 1 of 2 failed with OSError: no line.")
    await client.cancel(retried.id)
    assert (await client.why(retried.id)).endswith(f"`client.retry('{retried.id}')` puts it back.")


async def test_why_tells_what_a_sleeping_job_waits_for(client: Client) -> None:
    other = await client.submit(count_words, "x")
    handle = await client.submit(add_one, 1)
    await claim(client, "add_one")
    wake = Wake(after_ms=3_600_000, signals=("approved",), jobs=(other.id,))
    await client.storage.exchange([Settlement(handle.id, 1, "suspend", wake=wake)], None)

    said = await client.why(handle.id)
    assert said.startswith(f"It sleeps until the event 'approved' or 1 job ({other.id} (pending)) or 20")


async def test_why_tells_of_the_order_of_a_key(client: Client) -> None:
    first = await client.submit(add_one, 1, ordering_key="account")
    second = await client.submit(add_one, 2, ordering_key="account")

    assert await client.why(second.id) == (
        f"It comes after {first.id} (pending), the one before it of the ordering key 'account'."
    )


async def test_why_and_logs_of_no_job_say_so(client: Client) -> None:
    for ask in (client.why, client.logs):
        with pytest.raises(LookupError, match="no job 'gone' is stored"):
            await ask("gone")
        with pytest.raises(InvalidInput, match="job_id: must be the text of a job's id, not 7"):
            await ask(7)  # type: ignore[arg-type]


async def test_logs_are_read_in_order() -> None:
    async with running() as (client, _):
        handle = await client.submit(submit_another, "a b")
        child = await handle

        (line,) = await client.logs(handle.id)
        assert (line.message, line.fields) == ("submitted", {"child": child})
        assert await client.logs(child) == []


# --- vitals and health (R18) -----------------------------------------------------------------------------
async def test_a_server_tells_its_vitals_and_takes_them_away(client: Client) -> None:
    async with Server(client.storage, ALL, queues=["default"], concurrency=3, name="w") as server:
        await (await client.submit(add_one, 1))
        held = await client.submit(hold, f"vitals {client.storage.url}")
        await GATES.wait_entered(f"vitals {client.storage.url}")
        await server._duties._tell(0.0)  # pyright: ignore[reportPrivateUsage] - now instead of in ten seconds

        (worker,) = await client.workers()
        assert (worker.name, worker.queues, worker.concurrency) == ("w", ("default",), 3)
        assert (worker.active, worker.done, worker.is_busy) == (1, 1, False)
        assert "add_one" in worker.tasks
        assert worker.last_claim_at is not None
        assert worker.last_finish_at is not None
        assert worker.heartbeat_at >= worker.last_claim_at >= worker.started_at
        GATES.open(f"vitals {client.storage.url}")
        await held
    assert await client.workers() == []


async def test_vitals_of_the_dead_are_forgotten(client: Client) -> None:
    dead = Server(client.storage, ALL, name="dead").vitals()
    await client.storage.write([vitals_write(dead)])
    stale = StaleWorkers()
    records = list(await client.storage.read("worker"))

    assert stale.removals(records, 0.0) == []
    assert stale.removals(records, STALE_S) == []
    assert stale.removals(records, STALE_S + 1) == [RecordWrite("worker", "dead", 1, None)]
    await client.storage.write([vitals_write(dead)])
    renewed = list(await client.storage.read("worker"))
    assert stale.removals(renewed, STALE_S + 2) == []


async def test_health_is_red_when_claims_are_not_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(client.storage, ALL)
    assert (server.health().ok, server.health().reason[:20]) == (False, "it is not running: s")
    async with server:
        await (await client.submit(add_one, 1))
        assert server.health().ok
        now = server.worker.last_claim_at_ms or 0
        monkeypatch.setattr("wherry.entropy.wall_ms", lambda: now + 46_000)
        assert server.health().reason == "no claim was answered for 46 s: does the storage answer?"
        assert not server.health().ok


async def test_a_server_whose_slots_are_all_taken_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(concurrency=1) as (client, server):
        await client.submit(hold, "healthy")
        await GATES.wait_entered("healthy")
        now = server.worker.last_claim_at_ms or 0
        monkeypatch.setattr("wherry.entropy.wall_ms", lambda: now + 600_000)
        assert server.health().ok
        monkeypatch.undo()
        GATES.open("healthy")


async def test_stats_count_what_became_of_attempts() -> None:
    last = asyncio.Event()
    async with running(settled=lambda job, *_: job.task == "add_one" and last.set()) as (client, server):
        await (await client.submit(fail_twice, "x"))
        with pytest.raises(ValueError, match="y"):
            await (await client.submit(always_fail.options(max_attempts=1), "y"))
        await client.submit(add_one, 1)
        await asyncio.wait_for(last.wait(), 10)
        stats = server.stats()  # counted in the same turn in which it was told

    assert (stats.total, stats.completed, stats.failed, stats.retried, stats.cancelled) == (5, 2, 1, 2, 0)
    assert stats.average_run_seconds > 0


# --- hooks (R17) -------------------------------------------------------------------------------------------
class Tracing:
    """Carries a trace from submit to run, and remembers the order of things."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name, self.seen = name, seen

    async def submit(
        self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]
    ) -> JobHandle[Any]:
        self.seen.append(f"{self.name} submits {job.task}")
        return await next(job._replace(trace=f"{job.trace or ''}{self.name}"))

    async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
        self.seen.append(f"{self.name} runs {context.job.trace}")
        try:
            return await next(context)
        except Exception as error:
            self.seen.append(f"{self.name} sees {type(error).__name__}")
            raise
        finally:
            self.seen.append(f"{self.name} left")


async def test_hooks_stand_around_submit_and_run_the_first_outside() -> None:
    seen: list[str] = []
    hooks = [Tracing("a", seen), Tracing("b", seen)]
    async with open_storage("memory:") as storage, Server(storage, ALL, hooks=hooks):
        handle = await Client(storage, hooks=hooks).submit(count_words, "one two")
        assert await handle == 2

    assert seen == [
        "a submits text.count",
        "b submits text.count",
        "a runs ab",
        "b runs ab",
        "b left",
        "a left",
    ]


async def test_a_hook_sees_the_error_and_may_change_the_outcome() -> None:
    class Rescue:
        async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
            try:
                return await next(context)
            except PermanentError as error:
                return str(error)

    @task
    def fails(value: int) -> str:
        raise PermanentError("rescued")

    @task
    def miscounts(value: int) -> int:
        raise PermanentError("no number")

    seen: list[str] = []
    hooks = [Rescue(), Tracing("t", seen)]
    async with open_storage("memory:") as storage, Server(storage, [fails, miscounts], hooks=hooks):
        client = Client(storage)
        assert await (await client.submit(fails, 1)) == "rescued"
        handle = await client.submit(miscounts, 1, max_attempts=1)
        with pytest.raises(Exception, match="invalid output of miscounts"):
            await handle
        job = await handle.job()
        assert isinstance(job, FailedJob)
        assert job.error.type == InvalidOutput.__name__
    assert "t sees PermanentError" in seen


async def test_a_run_hook_that_raises_fails_the_attempt_not_the_worker() -> None:
    class Refuses:
        async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
            if context.job.task == "add_one":
                raise PermanentError("not today")
            return await next(context)

    async with running(hooks=[Refuses()]) as (client, _):
        with pytest.raises(PermanentError, match="not today"):
            await (await client.submit(add_one, 1))
        assert await (await client.submit(count_words, "one")) == 1


async def test_a_submit_hook_that_raises_stores_nothing() -> None:
    class Quota:
        async def submit(
            self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]
        ) -> JobHandle[Any]:
            if json.loads(job.input) > 2:
                raise PermissionError("over quota")
            return await next(job)

    async with open_storage("memory:") as storage:
        client = Client(storage, hooks=[Quota()])
        with pytest.raises(PermissionError, match="over quota"):
            await client.submit(add_one, 3)
        assert await client.size() == 0
        handles = await client.submit_many(add_one, [0, 1, 2])
        assert [(await handle.job()).input for handle in handles] == [0, 1, 2]


async def test_hooks_stand_around_what_runs_here_and_now() -> None:
    seen: list[str] = []
    async with open_storage("memory:") as storage:
        with Client(storage, hooks=[Tracing("n", seen)]):
            assert (await add_one.now(1)).output == 2

    assert seen == ["n runs None", "n left"]


async def test_what_is_no_hook_of_a_kind_is_refused(client: Client) -> None:
    for make in (
        lambda: Client(client.storage, hooks=[object()]),  # type: ignore[list-item]
        lambda: Server(client.storage, ALL, hooks=[object()]),  # type: ignore[list-item]
    ):
        with pytest.raises(InvalidInput, match="has neither `submit` nor `run`"):
            make()


async def test_duties_outlive_a_storage_that_is_away(client: Client) -> None:
    worker = Worker(client.storage, ALL, name="lonely")
    duties = Duties(client.storage, worker, lambda: (0, None))
    await duties.look()
    assert [one.name for one in await client.workers()] == ["lonely"]
    await duties.leave()
    assert await client.workers() == []


async def test_delays_of_a_task_are_kept_with_its_jobs(client: Client) -> None:
    one = always_fail.options(retry=Backoff(delays=(5, 60)), max_attempts=3)
    await client.submit(one, "x")
    (row,), _ = await client.storage.query(Filter(), limit=1)

    assert json.loads(row.backoff) == {"delays_ms": [5000, 60_000]}
