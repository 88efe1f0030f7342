"""R7: `isolation="process"`; the handler has a process of its own, and whatever it does to it stays there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.core import isolated_tasks as its
from wherry import (
    Client,
    JobCancelled,
    JobFailed,
    PermanentError,
    Server,
    open_storage,
)
from wherry.errors import InvalidOutput
from wherry.storage.protocol import Storage

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one server, so that its processes are warm


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage() -> AsyncIterator[Storage]:
    async with open_storage("memory:") as storage:
        yield storage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(storage: Storage) -> AsyncIterator[Client]:
    async with serving(storage) as client:
        yield client


@asynccontextmanager
async def serving(storage: Storage, **options: Any) -> AsyncIterator[Client]:
    async with Server(storage, its.tasks(), concurrency=4, shutdown_timeout=0, **options) as server:
        client = Client(storage, tasks=its.tasks())
        client.attach(server)
        yield client


async def told(path: Path) -> list[int]:
    """The process ids that a handler writes when it has begun."""
    return [int(pid) for pid in (await asyncio.to_thread(its.content, path)).split()]


async def is_gone(pid: int) -> bool:
    """Whether a process ends within ten seconds."""
    return await asyncio.to_thread(its.ends, pid)


# --- what goes through ------------------------------------------------------------------------------
async def test_typed_input_and_output_go_through(client: Client) -> None:
    assert await (await client.submit(its.area, its.Size(width=3, height=4))).result() == 12
    assert await (await client.submit(its.Shout, "hear")).result() == "HEAR"


async def test_a_lambda_with_a_name_in_its_module_goes_through(client: Client) -> None:
    assert await (await client.submit(its.double, 21)).result() == 42


async def test_it_is_another_process_and_is_used_again(client: Client) -> None:
    pids = {await (await client.submit(its.process_id)).result() for _ in range(3)}

    assert len(pids) == 1
    assert os.getpid() not in pids


async def test_reports_of_a_blocking_handler_are_stored(client: Client, storage: Storage) -> None:
    handle = await client.submit(its.tell, 3)

    assert await handle.result() == "tell 1"
    progress = (await handle.job()).progress
    assert progress is not None
    assert (progress.percent, progress.message, progress.details) == (40, "under way", {"of": 3})
    lines = await storage.read("log", prefix=f"{handle.id}/")
    assert [json.loads(line.value)["message"] for line in lines] == ["line 0", "line 1", "line 2"]


async def test_a_handler_submits_and_waits_through_its_worker(client: Client) -> None:
    handle = await client.submit(its.submit_children, [1, 2])

    assert await handle.result(20) == [2, 4, 42]


async def test_what_a_submit_raises_is_raised_in_the_process(client: Client) -> None:
    handle = await client.submit(its.submit_unknown, "duble", max_attempts=1)

    with pytest.raises(JobFailed, match="did you mean 'double'"):
        await handle.result(20)


async def test_a_failure_that_was_waited_for_is_told_there(client: Client) -> None:
    handle = await client.submit(its.wait_for_failure, "no luck", max_attempts=1)

    with pytest.raises(JobFailed, match="OwnError: no luck"):
        await handle.result(20)


# --- how it ends ------------------------------------------------------------------------------------
async def test_its_own_error_comes_back_with_its_traceback(client: Client) -> None:
    handle = await client.submit(its.fail, "no luck", max_attempts=2)

    with pytest.raises(its.OwnError, match="no luck") as raised:
        await handle.result()

    assert "in fail\n" in raised.value.__notes__[0]
    assert [error.attempt for error in (await handle.job()).errors] == [1, 2]


async def test_permanent_errors_and_snoozes_are_what_they_are_elsewhere(
    client: Client, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError):
        await (await client.submit(its.give_up, "never")).result()

    handle = await client.submit(its.snooze_once, str(tmp_path / "seen"))
    assert await handle.result() == "rested"
    assert (await handle.job()).attempts == 1


async def test_an_output_of_another_type_fails_the_job(client: Client) -> None:
    with pytest.raises((JobFailed, InvalidOutput), match="output"):
        await (await client.submit(its.wrong_output, "text")).result()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("exit", "ended with exit status 3"),
        ("sys.exit", "ended with exit status 4"),
        ("SIGKILL", "was killed by SIGKILL"),
        ("SIGSEGV", "was killed by SIGSEGV"),
    ],
)
async def test_a_crash_is_charged_and_named(client: Client, how: str, says: str) -> None:
    handle = await client.submit(its.crash, how)

    with pytest.raises(JobFailed, match=says) as raised:
        await handle.result()

    assert raised.value.error_code == "process_ended"
    assert len((await handle.job()).errors) == 2, "tried again, up to max_attempts"


async def test_a_crash_harms_no_other_job(client: Client, tmp_path: Path) -> None:
    waiting = await client.submit(its.sleep_async, str(tmp_path / "other"))
    (other,) = await told(tmp_path / "other")

    assert await (await client.submit(its.crash_once, str(tmp_path / "once"))).result() == "survived"

    assert its.is_alive(other)
    await waiting.cancel()


# --- ended from outside -------------------------------------------------------------------------------
@pytest.mark.parametrize("blocking", [its.hang, its.sleep, its.sleep_async])
async def test_a_cancel_kills_whatever_it_does(client: Client, tmp_path: Path, blocking: object) -> None:
    handle = await client.submit(blocking, str(tmp_path / "pid"))  # type: ignore[arg-type]
    (pid,) = await told(tmp_path / "pid")

    await handle.cancel()

    with pytest.raises(JobCancelled):
        await handle.result(5)
    assert await is_gone(pid)


@pytest.mark.parametrize(("blocking", "left"), [(its.sleep, ""), (its.sleep_async, "True")])
async def test_a_cancelled_handler_may_clean_up(
    client: Client, tmp_path: Path, blocking: object, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only an upper bound: who has cleaned up is gone at once, but a busy machine may need longer.
    monkeypatch.setattr("wherry.processes.GRACE_S", 5.0)
    handle = await client.submit(blocking, str(tmp_path / "pid"))  # type: ignore[arg-type]
    await told(tmp_path / "pid")

    await handle.cancel()

    with pytest.raises(JobCancelled):
        await handle.result(10)
    assert (tmp_path / "pid-left").read_text() == left


async def test_a_timeout_kills_and_is_a_retryable_error(client: Client, tmp_path: Path) -> None:
    await (await client.submit(its.process_id)).result()  # there is one now: its start takes time too
    handle = await client.submit(its.hang, str(tmp_path / "pid"), timeout=0.5, max_attempts=1)
    (pid,) = await told(tmp_path / "pid")

    with pytest.raises(TimeoutError):
        await handle.result(10)
    assert await is_gone(pid)


async def test_processes_end_with_their_worker() -> None:
    async with open_storage("memory:") as storage, serving(storage) as client:
        pid = await (await client.submit(its.process_id)).result()

    assert await is_gone(pid)


async def test_what_the_handler_has_started_ends_with_it(client: Client, tmp_path: Path) -> None:
    handle = await client.submit(its.start_another, str(tmp_path / "pid"))
    pids = await told(tmp_path / "pid")

    await handle.cancel()

    assert [await is_gone(pid) for pid in pids] == [True, True]


async def test_a_job_that_was_taken_away_is_killed(client: Client, tmp_path: Path) -> None:
    handle = await client.submit(its.sleep, str(tmp_path / "pid"))
    (pid,) = await told(tmp_path / "pid")

    await client.disable(handle.id)

    assert await is_gone(pid)


async def test_a_stopping_worker_hands_it_back_uncharged(tmp_path: Path) -> None:
    async with open_storage("memory:") as storage:
        async with serving(storage) as client:
            handle = await client.submit(its.sleep, str(tmp_path / "pid"))
            (pid,) = await told(tmp_path / "pid")

        row = (await storage.get([handle.id]))[handle.id]
    assert (row.state, row.attempt, row.interruptions) == ("pending", 0, 1)
    assert not its.is_alive(pid)


async def test_a_job_is_not_charged_for_a_process_that_died_between_two_jobs(tmp_path: Path) -> None:
    async with open_storage("memory:") as storage, serving(storage) as client:
        pid = await (await client.submit(its.process_id)).result()
        os.kill(pid, signal.SIGKILL)
        assert await is_gone(pid)
        handle = await client.submit(its.process_id)

        assert await handle.result() != pid
        assert (await storage.get([handle.id]))[handle.id].attempt == 1
