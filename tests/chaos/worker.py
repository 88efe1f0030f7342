"""A worker in a process of its own: `python -m tests.chaos.worker URL`; says `ready` once it claims."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.chaos.clock import HostClock
from tests.chaos.tasks import ALL
from wherry import Client, Server, entropy, open_storage


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--name")
    parser.add_argument("--lease", type=float, default=1.0)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--queue", action="append", help="only this one")
    parser.add_argument("--clock", type=Path, help="the host's clock")
    parser.add_argument("--waiting-for", help="id of a job that a client here waits for")
    given = parser.parse_args()
    clock = HostClock(given.clock)
    entropy.current.set(clock)
    # A store over HTTP has its server's clock.
    storage = open_storage(given.url, clock=None if given.url.startswith("http") else clock)
    async with storage, Client(storage) as client:
        server = Server(
            storage, ALL, lease=given.lease, concurrency=given.concurrency, name=given.name,
            queues=given.queue, shutdown_timeout=0,
        )  # fmt: skip
        async with server:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            if given.waiting_for:
                await client.wait_for(given.waiting_for)
            await server.ended()


if __name__ == "__main__":
    asyncio.run(main())
