"""How fast jobs go in and out, beside a raw reference loop in the same run.

The reference is the `sqlite3` module itself: one INSERT a transaction, autocommit, WAL, NORMAL.
Read the ratios (x): absolute numbers are those of a shared machine on one day.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from wherry import Client, Server, open_storage, task
from wherry.storage.protocol import Storage

JOBS = 10_000
RUNS = 3


@task
async def no_op(number: int) -> int:
    return number


def reference_per_s(path: Path) -> float:
    """Raw inserts a second, one transaction each."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, input TEXT)"
    )
    started = time.perf_counter()
    for number in range(JOBS):
        connection.execute("INSERT INTO jobs (input) VALUES (?)", (str(number),))
    took = time.perf_counter() - started
    connection.close()
    return JOBS / took


async def one_by_one(storage: Storage) -> int:
    client = Client(storage)
    for number in range(JOBS // 10):
        await client.submit(no_op, number)
    return JOBS // 10


async def hundred_callers(storage: Storage) -> int:
    client = Client(storage)

    async def call(first: int) -> None:
        for number in range(first, JOBS, 100):
            await client.submit(no_op, number)

    await asyncio.gather(*(call(first) for first in range(100)))
    return JOBS


async def in_bulk(storage: Storage) -> int:
    await Client(storage).submit_many(no_op, range(JOBS))
    return JOBS


async def drain(storage: Storage) -> int:
    """One worker, 100 slots, until nothing is left."""
    left, done = JOBS, asyncio.Event()

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    async with Server(storage, [no_op], concurrency=100, settled=count):
        await done.wait()
    assert await Client(storage).size("completed") == JOBS
    return JOBS


async def timed(url: str, question: Callable[[Storage], Awaitable[int]], *, prepared: bool) -> float:
    async with open_storage(url) as storage:
        if prepared:
            await in_bulk(storage)
        started = time.perf_counter()
        done = await question(storage)
        return done / (time.perf_counter() - started)


def measure(kind: str, folder: Path) -> None:
    questions = (
        ("enqueue one by one", one_by_one, False),
        ("enqueue, 100 callers", hundred_callers, False),
        ("enqueue in bulk", in_bulk, False),
        ("drain 10,000, one worker", drain, True),
    )
    for name, question, prepared in questions:
        rates: list[float] = []
        ratios: list[float] = []
        for run in range(RUNS):
            base = reference_per_s(folder / f"reference-{kind}-{name}-{run}.db".replace(" ", "_"))
            path = folder / f"{kind}-{name}-{run}.db".replace(" ", "_").replace(",", "")
            url = {
                "memory": "memory:",
                "sqlite normal": f"sqlite:{path}",
                "sqlite full": f"sqlite:{path}?synchronous=full",
            }
            rates.append(asyncio.run(timed(url[kind], question, prepared=prepared)))
            ratios.append(rates[-1] / base)
        rate, ratio = statistics.median(rates), statistics.median(ratios)
        print(f"{kind:14} {name:26} {rate:>10,.0f}/s {ratio:>7.3f} x")


def main() -> None:
    print(f"medians of {RUNS}; x = ratio to raw sqlite3, one INSERT a transaction, NORMAL, in the same run")
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("memory", "sqlite normal", "sqlite full"):
            measure(kind, Path(folder))


if __name__ == "__main__":
    main()
