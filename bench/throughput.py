"""How fast jobs go in and out, beside a raw reference loop in the same run.

Read the ratios (x): absolute numbers are those of a shared machine on one day.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

from bench._common import EXPLAINED, KINDS, RUNS, fill, no_op, reference_per_s, url_of
from wherry import Client, Server, open_storage
from wherry.storage.protocol import Storage

JOBS = 10_000
SLOTS = 100


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
    await fill(storage, JOBS)
    return JOBS


async def drain(storage: Storage) -> int:
    """One worker, 100 slots, until nothing is left."""
    async with Server(storage, [no_op], concurrency=SLOTS) as server:
        # A listener would be paid by every job.
        while server.stats().completed < JOBS:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
    return JOBS


async def per_s(url: str, question: Callable[[Storage], Awaitable[int]]) -> float:
    """Jobs a second; every one of them must have come to its end."""
    async with open_storage(url) as storage:
        if question is drain:
            await fill(storage, JOBS)
        started = time.perf_counter()
        jobs = await question(storage)
        took_s = time.perf_counter() - started
        state = "completed" if question is drain else "pending"
        assert await Client(storage).size(state) == jobs
    return jobs / took_s


def measure(kind: str, folder: Path) -> None:
    questions = {
        "enqueue one by one": one_by_one,
        "enqueue, 100 callers": hundred_callers,
        "enqueue in bulk": in_bulk,
        f"drain {JOBS:,}, one worker of {SLOTS} slots": drain,
    }
    for name, question in questions.items():
        # The raw loop stands before and behind each run: the machine changes its speed in between.
        bases, rates = [reference_per_s(folder)], list[float]()
        for _ in range(RUNS):
            rates.append(asyncio.run(per_s(url_of(kind, folder), question)))
            bases.append(reference_per_s(folder))
        ratios = [rate / statistics.mean(around) for rate, around in zip(rates, pairwise(bases), strict=True)]
        rate, ratio = statistics.median(rates), statistics.median(ratios)
        print(f"{kind:14} {name:38} {rate:>10,.0f}/s {ratio:>7.3f} x", flush=True)


def main() -> None:
    print(f"medians of {RUNS}; {EXPLAINED}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            measure(kind, Path(folder))


if __name__ == "__main__":
    main()
