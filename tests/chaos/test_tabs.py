"""B2: three tabs, a random one of them closed or crashed every two seconds; each job has one accepted result.

In the suite it is small; `python3 build.py chaos` runs it with 6,000 jobs.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from typing import NamedTuple

import pytest
from playwright.async_api import BrowserContext, Error

from tests.web.conftest import Site, chromium, context, site_folder, tab_site
from tests.web.tab_harness import STORE, Tab, Tabs

# Fixtures, which pytest finds by their names here.
__all__ = ["chromium", "context", "site_folder", "tab_site"]

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Scale(NamedTuple):
    jobs: int
    pause_s: float
    limit_s: float


SMALL = Scale(jobs=300, pause_s=0.1, limit_s=150)
FULL = Scale(jobs=6000, pause_s=0.05, limit_s=900)
SCALE = FULL if os.environ.get("WHERRY_CHAOS") == "full" else SMALL
TABS = 3
KILL_EVERY_S = 2.0
LEASE_S = 5

WATCH = """
    const { Witness } = await import(given[0]);
    globalThis.witness = await Witness.follow(...given.slice(1));
"""

OUTCOMES = """
    const jobs = [];
    for (let cursor; ; ) {
      const page = await queue.query({ task: ['trace'], limit: 1000, cursor });
      jobs.push(...page.jobs);
      if (!(cursor = page.cursor)) return jobs;
    }
"""


class Killer:
    """Keeps three tabs open, and ends one of them again and again."""

    def __init__(self, tabs: Tabs) -> None:
        self._tabs = tabs
        self._open: list[Tab] = []
        self.ends: Counter[str] = Counter()
        self.leaders = 0

    async def begin(self) -> None:
        for _ in range(TABS):
            await self._open_one()

    async def rage(self) -> None:
        async with asyncio.TaskGroup() as opening:
            while True:
                await asyncio.sleep(KILL_EVERY_S)
                if self._open:
                    victim = self._open.pop(random.randrange(len(self._open)))
                    self.leaders += (await victim.js("queue.status()"))["role"] == "leader"
                    await self._end(victim)
                    opening.create_task(self._open_one())

    async def _open_one(self) -> None:
        self._open.append(await self._tabs.open(tasks=("hard.py",), lease=LEASE_S))

    async def _end(self, victim: Tab) -> None:
        how = random.choice(("close", "crash"))
        self.ends[how] += 1
        if how == "close":
            await victim.close()
            return
        session = await self._tabs.context.new_cdp_session(victim.page)
        crashed = victim.page.wait_for_event("crash")
        crashing = asyncio.ensure_future(session.send("Page.crash"))
        await crashed
        await victim.close()
        await asyncio.wait((crashing,))
        assert isinstance(crashing.exception(), Error), "nobody was left to answer"


@pytest.mark.long
async def test_tabs_that_end_at_random_lose_no_job_and_double_no_result(
    context: BrowserContext, tab_site: Site
) -> None:
    tabs = Tabs(context, tab_site)
    killer = Killer(tabs)
    async with asyncio.timeout(SCALE.limit_s):
        witness = await tabs.open(tasks=("hard.py",), work=False)
        store = STORE.removeprefix("indexeddb:")
        await witness.js(WATCH, [f"{tab_site.pages}witness.js", tab_site.base, store, SCALE.jobs])
        await killer.begin()
        ids: list[str] = await witness.js(
            "(await queue.submitMany('trace', Array(given[0]).fill(given[1]))).map(({ id }) => id)",
            [SCALE.jobs, SCALE.pause_s],
        )
        began_s = time.monotonic()
        raging = asyncio.create_task(killer.rage())
        ending = asyncio.create_task(witness.page.evaluate("witness.all"))
        await asyncio.wait((ending, raging), return_when=asyncio.FIRST_COMPLETED)
        took_s = time.monotonic() - began_s
        assert not raging.done(), raging.exception()
        raging.cancel()
        await asyncio.wait((raging,))
        await ending

    jobs = await witness.js(OUTCOMES)
    assert Counter(job["state"] for job in jobs) == {"completed": SCALE.jobs}
    assert await witness.js("witness.completed") == dict.fromkeys(ids, 1), (
        "the feed tells each completion once"
    )
    executions: list[str] = await witness.js("witness.executions")
    claims = [mark.rpartition(" ")[0] for mark in executions]
    assert len(claims) == len(set(claims)), "no claim was given out twice"
    assert {job["output"] for job in jobs} <= set(executions), "each result is of an execution"
    assert all(job["output"].startswith(f"{job['id']} ") for job in jobs)
    assert max(job["attempts"] for job in jobs) == 1, "what tabs do is charged to no job"
    assert killer.ends.total() > 0
    interrupted = sum(job["interruptions"] for job in jobs)
    facts = f"{SCALE.jobs} jobs, {dict(killer.ends)}, {killer.leaders} of them leaders"
    sys.stderr.write(f"\n  {facts}, {interrupted} interruptions, {took_s:.1f} s\n")
