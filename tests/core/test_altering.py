"""R6, R16, C8: pause and resume, many jobs at once, dead letters."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.core.jobs import (
    ALL,
    add_one,
    always_fail,
    claim,
    count_words,
    running,
)
from wherry import (
    Backoff,
    Client,
    FailedJob,
    Filter,
    InvalidInput,
    JobHandle,
    Server,
    Worker,
    open_storage,
)
from wherry.clock import ManualClock
from wherry.messages import Settlement
from wherry.sweeper import Sweeper


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


async def test_delays_of_a_task_are_kept_with_its_jobs(client: Client) -> None:
    one = always_fail.options(retry=Backoff(delays=(5, 60)), max_attempts=3)
    await client.submit(one, "x")
    (row,), _ = await client.storage.query(Filter(), limit=1)

    assert json.loads(row.backoff) == {"delays_ms": [5000, 60_000]}
