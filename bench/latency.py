"""How long from `submit` to the handler's first line: an idle worker in this process, and in another."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench._common import KINDS, url_of
from wherry import Client, Server, open_storage, task

JOBS = 200
PAUSE_S = 0.01
"""Between two jobs, so that the worker is idle when the next one comes."""


@task
async def stamp(sent_ns: int) -> float:
    """Milliseconds since it was sent; the clock is one for all processes of a machine."""
    return (time.monotonic_ns() - sent_ns) / 1e6


async def submit_all(client: Client) -> list[float]:
    handles = []
    for _ in range(JOBS):
        handles.append(await client.submit(stamp, time.monotonic_ns()))
        await asyncio.sleep(PAUSE_S)
    return [await handle.result(30) for handle in handles]


async def same_process(url: str) -> list[float]:
    async with open_storage(url) as storage, Server(storage, [stamp]):
        return await submit_all(Client(storage))


async def across_processes(url: str) -> list[float]:
    async with open_storage(url) as storage:
        command = (sys.executable, "-m", "bench.latency", url)
        worker = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        try:
            await (await Client(storage).submit(stamp, 0)).result(30)  # it is up
            return await submit_all(Client(storage))
        finally:
            await worker.communicate(b"")  # its input ends, and so does it


async def work(url: str) -> None:
    """The other process: a worker until its input ends."""
    async with open_storage(url) as storage, Server(storage, [stamp]):
        await asyncio.to_thread(sys.stdin.read)


def tell(kind: str, where: str, delays_ms: list[float]) -> None:
    p50, p99 = statistics.median(delays_ms), statistics.quantiles(delays_ms, n=100)[98]
    print(f"{kind:14} {where:18} p50 {p50:>7.3f} ms   p99 {p99:>7.3f} ms", flush=True)


def main() -> None:
    print(f"submit to handler start, {JOBS} jobs one after the other, worker idle in between")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            tell(kind, "same process", asyncio.run(same_process(url_of(kind, Path(folder)))))
            if kind != "memory":
                tell(kind, "across processes", asyncio.run(across_processes(url_of(kind, Path(folder)))))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(work(sys.argv[1]))
    else:
        main()
