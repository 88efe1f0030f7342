"""A keeper that never comes back from starting a worker, as happens in Firefox, is replaced (B1)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs
from tests.web.tab_sites import Oddity, odd_site

SPAWNING = "postMessage({spawning:!0})"
"""What the keeper says before it starts a worker."""


@asynccontextmanager
async def stuck_at(context: BrowserContext, folder: Path, site: Site, spawn: int) -> AsyncGenerator[Tab]:
    """A tab whose first keeper hears nothing any more from the start of that worker on."""
    stuck = f"{SPAWNING},(globalThis.spawns=(globalThis.spawns??0)+1)==={spawn}&&(()=>{{for(;;);}})()"
    oddity = Oddity(
        headers={"Cache-Control": "no-store"},
        edits={"/keeper-executor.js": (SPAWNING, stuck)},
        edits_until=1,
    )
    assert SPAWNING in (folder / str(site.manifest["build"]) / "keeper-executor.js").read_text()
    with odd_site(folder, site.manifest, oddity) as odd:
        yield await Tabs(context, odd).open()


async def test_the_first_submit_outlives_a_keeper_that_is_stuck(
    context: BrowserContext, site_folder: Path, tab_site: Site
) -> None:
    async with stuck_at(context, site_folder, tab_site, 1) as tab:
        assert await tab.run("echo", "ahoy") == "ahoy"

        assert (await tab.js("queue.status()"))["role"] == "leader"


@pytest.mark.long
async def test_jobs_and_calls_outlive_a_keeper_that_is_stuck_later(
    context: BrowserContext, site_folder: Path, tab_site: Site
) -> None:
    async with stuck_at(context, site_folder, tab_site, 2) as tab:
        job_id = await tab.submit("sleep", 1)
        await tab.js("await untilRunning(given);", job_id)
        await tab.js("queue.debug.killExecutor()")  # its successor is the second

        assert await tab.result(job_id) == 1
        job = await tab.job(job_id)
        assert (job["attempts"], job["interruptions"]) == (1, 1)
