"""Runs a scenario with a fault on a SQLite file, in forks of this process.

A line of input is a batch, `NUMBER EFFECT PATH` for each fork, divided by `;`: they run side by side.  The
answer is a line of their exit codes, negative for a signal.  What the scenario was promised and what it
ran stands in PATH.log, written before anything else can happen.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, cast

from wherry import Backoff, Client, Context, Worker, task
from wherry.errors import StorageUnavailable
from wherry.storage.joined import JoinedStorage
from wherry.storage.sqlite import SQLiteStorage
from wherry.testing.faults import Effect, FaultAt, faulty

JOBS: Sequence[tuple[str, int, dict[str, Any]]] = (
    ("job-1", 1, {}),
    ("job-2", 2, {"unique": "k"}),
    ("job-3", 1, {"after": ["job-1"], "ordering_key": "line"}),
    ("job-4", 1, {"ordering_key": "line"}),
)
"""Id, the attempt that succeeds, options."""

_log = -1


def note(text: str) -> None:
    if _log >= 0:  # in the process that looks at what is left, nobody notes
        os.write(_log, f"{text}\n".encode())


@task(name="fault.act", max_attempts=9, retry=Backoff(first=0.001))
async def act(succeeds_at: int, context: Context) -> int:
    if context.attempt < succeeds_at:
        raise ValueError("not yet")
    context.progress(50)
    note(f"ran {context.job.id} {context.job.fence}")
    return context.job.fence


async def scenario(path: str, fault: FaultAt) -> None:
    async with JoinedStorage(faulty(SQLiteStorage(path), fault)) as storage:
        client = Client(storage)
        worker = Worker(storage, [act], concurrency=2, shutdown_timeout=5)
        for job_id, succeeds_at, options in JOBS:
            await until_it_answers(client.submit, act, succeeds_at, id=job_id, **options)
            note(f"added {job_id}")
        await worker.start()
        for job_id, *_ in JOBS:
            await until_it_answers(client.wait_for, job_id, 20.0)
        await worker.stop()


async def until_it_answers(call: Any, *args: Any, **options: Any) -> None:
    while True:
        try:
            await call(*args, **options)
            return
        except StorageUnavailable:
            await asyncio.sleep(0.01)


def run(number: str, effect: str, path: str) -> None:
    global _log
    _log = os.open(f"{path}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    fault = FaultAt(int(number), cast("Effect", effect))
    try:
        asyncio.run(scenario(path, fault))
        os._exit(0 if fault.struck else 3)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main() -> None:
    for line in sys.stdin:
        children = [start(one) for one in line.split(";")]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(f"{' '.join(map(str, codes))}\n")
        sys.stdout.flush()


def start(one: str) -> int:
    child = os.fork()
    if child == 0:
        run(*one.split())
    return child


if __name__ == "__main__":
    main()
