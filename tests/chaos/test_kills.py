"""Q1-Q3: workers killed at random on one SQLite file; each job has exactly one accepted result, and it ends.

In the suite it is small; `python3 build.py chaos` runs it with 8 processes and 20,000 jobs.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from tests.chaos import tasks
from tests.chaos.crew import Crew, Hand, crew


class Scale(NamedTuple):
    jobs: int
    workers: int
    kill_every_s: float
    pause_s: float
    lease_s: float
    limit_s: float


SMALL = Scale(jobs=1500, workers=3, kill_every_s=0.5, pause_s=0.03, lease_s=1.0, limit_s=60)
FULL = Scale(jobs=20_000, workers=8, kill_every_s=1.0, pause_s=0.1, lease_s=2.0, limit_s=500)
SCALE = FULL if os.environ.get("WHERRY_CHAOS") == "full" else SMALL


async def test_killed_workers_lose_no_job_and_double_no_result(tmp_path: Path) -> None:
    async with crew(tmp_path) as made, asyncio.timeout(SCALE.limit_s):
        heard = Heard(made)
        following = asyncio.create_task(heard.follow())
        began_s = time.monotonic()
        ids = [job.id for job in await made.client.submit_many(tasks.count, [SCALE.pause_s] * SCALE.jobs)]
        killer = Killer(made)
        killing = asyncio.create_task(killer.kill_at_random())
        await following
        took_s = time.monotonic() - began_s
        killing.cancel()
        await asyncio.wait((killing,))

        rows = await made.storage.get(ids)
        assert Counter(rows[job_id].state for job_id in ids) == {"completed": SCALE.jobs}
        assert heard.completed == dict.fromkeys(ids, 1), "the feed tells each completion once"
        executions = tasks.read(made.ledger)
        results = [rows[job_id].output or "" for job_id in ids]
        assert {result.strip('"') for result in results} <= set(executions), "each result is of an execution"
        assert len(executions) == len(set(executions)), "no claim was given out twice"
        assert made.complaints() == "", "as `database is locked` would be"
        assert integrity(tmp_path / "jobs.db") == "ok"
        assert killer.kills > 0
    facts = f"{SCALE.jobs} jobs, {SCALE.workers} workers, {killer.kills} of them killed"
    sys.stderr.write(f"\n  {facts}, {len(executions)} executions, {took_s:.1f} s\n")


class Heard:
    """What the feed tells of completions."""

    def __init__(self, made: Crew) -> None:
        self._storage = made.storage
        self.completed: dict[str, int] = {}

    async def follow(self) -> None:
        """Until all jobs are completed."""
        cursor = (await self._storage.changes("", limit=1)).cursor  # type: ignore[arg-type]
        async with aclosing(self._storage.listen()) as hints:
            async for _ in hints:
                while (changes := await self._storage.changes(cursor, limit=1000)).items or changes.resync:
                    assert not changes.resync
                    cursor = changes.cursor
                    for change in changes.items:
                        if change.kind == "completed":
                            self.completed[change.job_id] = self.completed.get(change.job_id, 0) + 1
                if len(self.completed) == SCALE.jobs:
                    return


class Killer:
    """Keeps so many workers running, and kills one of them again and again."""

    def __init__(self, made: Crew) -> None:
        self._made, self.kills = made, 0
        self._ready: list[Hand] = []

    async def kill_at_random(self) -> None:
        async with asyncio.TaskGroup() as hiring:
            for _ in range(SCALE.workers):
                hiring.create_task(self._hire())
            while True:
                await asyncio.sleep(SCALE.kill_every_s * 2 * random.random())
                if self._ready:
                    victim = self._ready.pop(random.randrange(len(self._ready)))
                    victim.send(signal.SIGKILL)
                    self.kills += 1
                    hiring.create_task(self._hire())

    async def _hire(self) -> None:
        self._ready.append(await self._made.hire(lease=SCALE.lease_s))


def integrity(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        return db.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        db.close()
