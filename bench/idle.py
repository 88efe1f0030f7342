"""What a worker costs that has nothing to do: processor time and memory of a whole process."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench._common import KINDS, no_op, url_of
from wherry import Client, Server, open_storage

SECONDS = 10.0


async def idle(url: str) -> None:
    """A worker and a client that listens, left alone; says percent of a core and megabytes."""
    async with open_storage(url) as storage, Server(storage, [no_op]) as server:
        client = Client(storage)
        client.attach(server)
        client.on("job_complete", print)
        await asyncio.sleep(1)
        before = os.times()
        await asyncio.sleep(SECONDS)
        after = os.times()
    used_s = after.user + after.system - before.user - before.system
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{used_s / SECONDS:>7.2%} of a core   {megabytes:>5.0f} MB")


def main() -> None:
    print(f"a worker and a listening client, idle for {SECONDS:g} s")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            command = [sys.executable, "-m", "bench.idle", url_of(kind, Path(folder))]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            print(f"{kind:14} {told.strip()}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(idle(sys.argv[1]))
    else:
        main()
