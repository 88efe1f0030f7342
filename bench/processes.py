"""Four worker processes on one SQLite file: how fast they drain it together."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._common import EXPLAINED, KINDS, fill, no_op, reference_per_s, url_of
from wherry import Client, Server, open_storage

JOBS = 10_000
PROCESSES = 4
SLOTS = 100
RUNS = 3


async def work(url: str) -> None:
    """A worker process: says that it is up, begins when told, ends when its input does."""
    async with open_storage(url) as storage:
        print("up", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        async with Server(storage, [no_op], concurrency=SLOTS):
            await asyncio.to_thread(sys.stdin.read)


def start(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.processes", url]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    worker.stdout.readline()
    return worker


async def per_s(url: str, processes: int) -> float:
    async with open_storage(url) as storage:
        await fill(storage, JOBS)
        client = Client(storage)
        workers = [start(url) for _ in range(processes)]
        started = time.perf_counter()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        # A client that listened would load what is measured.
        while await client.size("completed") < JOBS:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        took_s = time.perf_counter() - started
        for worker in workers:
            worker.communicate()
    return JOBS / took_s


def main() -> None:
    print(f"drain of {JOBS:,} no-op jobs, medians of {RUNS}; {EXPLAINED}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS[1:]:
            for processes in (1, PROCESSES):
                rates = [asyncio.run(per_s(url_of(kind, Path(folder)), processes)) for _ in range(RUNS)]
                ratio = statistics.median(rates) / reference_per_s(Path(folder))
                name = f"{processes} worker process{'es' if processes > 1 else ''}"
                print(f"{kind:14} {name:20} {statistics.median(rates):>10,.0f}/s {ratio:>7.3f} x", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(work(sys.argv[1]))
    else:
        main()
