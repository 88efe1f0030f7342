"""SQLite: several processes on one file, some of them killed, and how they wake each other."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import tempfile
from pathlib import Path

import pytest

from tests.storage.children import child, children
from wherry.messages import Filter, NewJob
from wherry.storage.sqlite import SQLiteStorage
from wherry.testing.conformance import add


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def integrity(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        return db.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        db.close()


@pytest.mark.parametrize("count", [2, 4])
async def test_several_processes_claim_each_job_once(path: Path, count: int) -> None:
    ids = [f"{number:04d}" for number in range(600)]
    async with SQLiteStorage(path) as storage:
        await add_all(storage, ids)

        with children("drain", path, count) as workers:
            for worker in workers:
                worker.tell()
            shares = [" ".join(worker.rest()).split() for worker in workers]

        assert sorted(job_id for share in shares for job_id in share) == ids
        assert await storage.count(Filter(), by=("state",)) == {("completed",): len(ids)}


async def add_all(storage: SQLiteStorage, ids: list[str]) -> None:
    await storage.add([NewJob(job_id, "n", "q", "t", "null") for job_id in ids])


def test_several_processes_make_one_store(path: Path) -> None:
    with children("open_it", path, 4) as openers:
        for opener in openers:
            opener.tell()
        cursors = {line for opener in openers for line in opener.rest()}

    assert len(cursors) == 1, "each process must find the store that the first has made"
    assert integrity(path) == "ok"


async def test_what_was_told_stored_outlives_a_kill(path: Path) -> None:
    with child("add_for_ever", path) as adder:
        stored = [adder.says() for _ in range(40)]
        stored += adder.kill()

    async with SQLiteStorage(path) as storage:
        assert set(stored) <= set(await storage.get(stored))
    assert integrity(path) == "ok"


async def test_a_process_killed_inside_a_transaction_leaves_nothing_of_it(path: Path) -> None:
    with child("stay_inside", path) as hanging:
        assert hanging.says() == "inside"
        hanging.kill()

    async with SQLiteStorage(path) as storage, asyncio.timeout(5):
        assert list(await storage.read("kind")) == []
        assert await add(storage, "half") == ["ok"]


async def test_a_writer_waits_for_another_process_inside_a_transaction(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        with child("stay_inside", path) as other:
            assert other.says() == "inside"
            waiting = asyncio.create_task(add(storage, "a"))
            done, _ = await asyncio.wait((waiting,), timeout=0.1)
            assert not done
            other.tell()

            assert await waiting == ["ok"]
            other.rest()
        assert set(await storage.get(["a", "half"])) == {"a", "half"}


# --- waking others ---------------------------------------------------------------------------------
def test_a_commit_wakes_another_process_within_50_ms(path: Path) -> None:
    assert delay_ms(path) < 50


def test_processes_that_share_no_sockets_wake_by_looking(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert delay_ms(path, TMPDIR=str(elsewhere)) < 1000


def delay_ms(path: Path, **environment: str) -> float:
    """From one process's commit to another's hint, the median of seven."""
    with child("add_when_told", path) as adder, child("listen", path, **environment) as listener:
        assert adder.says() == "ready"
        listener.says()
        delays: list[int] = []
        for _ in range(7):
            adder.tell()
            heard_ns = int(listener.says())
            delays.append(heard_ns - int(adder.says()))
    return statistics.median(delays) / 1e6


async def test_the_socket_of_a_killed_listener_is_taken_away(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        with child("listen", path) as listener:
            listener.says()
            listener.kill()
        assert len(sockets(path)) == 1

        await add(storage, "a")
        await storage.get(["a"])  # the bell rings before

        assert sockets(path) == []


async def test_a_listener_that_ends_takes_its_socket_along(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        first, second = storage.listen(), storage.listen()
        await anext(first)
        assert len(sockets(path)) == 1, "one event loop needs one"

        await first.aclose()
        await second.aclose()

        assert sockets(path) == []


def sockets(path: Path) -> list[Path]:
    status = path.stat()
    name = f"{status.st_dev:x}-{status.st_ino:x}"
    return list(Path(tempfile.gettempdir(), f"wherry-{os.getuid()}", name).glob("*"))
