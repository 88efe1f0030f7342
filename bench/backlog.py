"""Does a drain slow down behind a long backlog?  The first 1,000 jobs of 1,000 and of 200,000 pending."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bench._common import KINDS, RUNS, fill, no_op, url_of
from wherry import Worker, open_storage

DRAINED = 1_000
BACKLOGS = (1_000, 200_000)
SLOTS = 100


async def seconds(kind: str, folder: Path) -> list[list[float]]:
    """How long the first thousand jobs took, several times, of each backlog.

    By turns, so that a machine whose speed changes is as fast for the one as for the other.
    """
    took: list[list[float]] = [[] for _ in BACKLOGS]
    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(open_storage(url_of(kind, folder))) for _ in BACKLOGS]
        for storage, backlog in zip(storages, BACKLOGS, strict=True):
            await fill(storage, backlog)
        for _ in range(RUNS):
            for storage, times in zip(storages, took, strict=True):
                times.append(await _drain(Worker(storage, [no_op], concurrency=SLOTS)))
                await fill(storage, DRAINED)
    return took


async def _drain(worker: Worker) -> float:
    started = time.perf_counter()
    left = DRAINED
    while left > 0:
        left -= await worker.run_once()
    return time.perf_counter() - started


def main() -> None:
    print(f"drain of {DRAINED:,} jobs, medians of {RUNS}; x = ratio to the shorter backlog")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            medians = [statistics.median(times) for times in asyncio.run(seconds(kind, Path(folder)))]
            for backlog, took_s in zip(BACKLOGS, medians, strict=True):
                rate, ratio = DRAINED / took_s, medians[0] / took_s
                print(f"{kind:14} {backlog:>8,} pending {rate:>10,.0f}/s {ratio:>6.2f} x", flush=True)


if __name__ == "__main__":
    main()
