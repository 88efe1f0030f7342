"""What the benches share: the task, the reference loop, storages by kind, medians."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from wherry import Client, task
from wherry.storage.protocol import Storage

RUNS = 5
KINDS = ("memory", "sqlite normal", "sqlite full")
EXPLAINED = "x = ratio to raw sqlite3, one INSERT a transaction, WAL, NORMAL, in the same run"

_REFERENCE_JOBS = 10_000


@task
async def no_op(number: int) -> int:
    return number


def reference_per_s(folder: Path) -> float:
    """Raw inserts a second, one transaction each, into a new database."""
    path = folder / f"reference-{time.monotonic_ns()}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, input TEXT)"
    )
    started = time.perf_counter()
    for number in range(_REFERENCE_JOBS):
        connection.execute("INSERT INTO jobs (input) VALUES (?)", (str(number),))
    took = time.perf_counter() - started
    connection.close()
    return _REFERENCE_JOBS / took


def url_of(kind: str, folder: Path) -> str:
    """A new storage of that kind."""
    path = folder / f"jobs-{time.monotonic_ns()}.db"
    return {
        "memory": "memory:",
        "sqlite normal": f"sqlite:{path}",
        "sqlite full": f"sqlite:{path}?synchronous=full",
    }[kind]


async def fill(storage: Storage, jobs: int) -> None:
    """Pending no-op jobs."""
    await Client(storage).submit_many(no_op, range(jobs))
