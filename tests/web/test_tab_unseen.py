"""Tabs that nobody sees: hidden, frozen, thawed, left and come back to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from tests.web.conftest import Site
from tests.web.raw_chromium import Browser, RawTab, raw_chromium

UNTIL_RUNNING = """
    while ((await queue.get(given)).state !== 'running') await new Promise((wake) => setTimeout(wake, 20));
"""

LISTEN = """
    globalThis.ends = [];
    (async () => {
      for await (const { type, job } of queue.events()) if (type === 'complete') ends.push(job.id);
    })();
"""

WITHOUT_WARNING = "addEventListener('freeze', (event) => event.stopImmediatePropagation(), true); 0;"
"""The page keeps from wherry that the browser freezes it: some browsers say nothing."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Browser]:
    async with raw_chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


class Windows:
    """Opens tabs on a store of this test; the last one opened is seen, the others are not."""

    def __init__(self, browser: Browser, site: Site, store: str) -> None:
        self._browser, self._site, self._store = browser, site, store
        self._tabs: list[RawTab] = []

    async def open(self, *, before: str = "", **options: Any) -> RawTab:
        tab = await self._browser.open(f"{self._site.pages}tab.html")
        self._tabs.append(tab)
        if before:
            await tab.js(before)
        given = {"url": f"indexeddb:{self._store}", "tasks": [f"{self._site.pages}py/jobs.py"], **options}
        await tab.js("openQueue(...given)", [self._site.base, given])
        return tab

    async def shut(self, tab: RawTab) -> None:
        self._tabs.remove(tab)
        await tab.close()

    async def close(self) -> None:
        for tab in list(self._tabs):
            await self.shut(tab)


@pytest_asyncio.fixture(loop_scope="session")
async def windows(
    browser: Browser, tab_site: Site, request: pytest.FixtureRequest
) -> AsyncGenerator[Windows]:
    made = Windows(browser, tab_site, request.node.name)
    yield made
    await made.close()


async def ready(tab: RawTab, role: str) -> None:
    await tab.js("await statusIs(given);", {"role": role, "python": "ready"})


async def started(tab: RawTab, task: str, value: Any) -> str:
    job_id: str = await tab.js("(await queue.submit(...given)).id", [task, value])
    await tab.js(UNTIL_RUNNING, job_id)
    return job_id


async def charged(tab: RawTab, job_id: str) -> tuple[str, int, int]:
    job = await tab.js("await queue.handle(given).result(); return queue.get(given);", job_id)
    return job["state"], job["attempts"], job["interruptions"]


@pytest.mark.long
async def test_a_frozen_tab_loses_its_office_and_its_jobs_go_on_uncharged(windows: Windows) -> None:
    frozen = await windows.open(lease=1, before=WITHOUT_WARNING)
    await ready(frozen, "leader")
    job_id = await started(frozen, "sleep", 3)
    other = await windows.open(lease=1)
    await other.js(LISTEN)

    await frozen.freeze()

    await ready(other, "leader")
    assert await charged(other, job_id) == ("completed", 1, 1)
    await frozen.thaw()
    # It goes on with what it ran when it was frozen, and is told that this was lost.
    await frozen.js("await statusIs({ role: 'follower', python: 'ready' });")
    assert await frozen.js("(await queue.submit('echo', 'thawed')).result()") == "thawed"
    ends: list[str] = await other.js("ends.filter((id) => id === given)", job_id)
    assert len(ends) == 1


@pytest.mark.long
async def test_a_frozen_page_is_not_charged_for_the_tasks_of_its_own(windows: Windows) -> None:
    """B2: another tab has led for long, and its sweeper does not forestall its keeper."""
    leader = await windows.open(lease=1)
    await ready(leader, "leader")
    assert await leader.js("(await queue.submit('sleep', 2)).result()") == 2
    frozen = await windows.open(lease=1, before=WITHOUT_WARNING)
    await frozen.js("await queue.task('holds', () => new Promise(() => {}))")
    job_id = await started(frozen, "holds", None)

    await frozen.freeze()

    charge = await leader.js(
        """
        while ((await queue.get(given)).state === 'running') await new Promise((go) => setTimeout(go, 50));
        const { state, attempts, interruptions, errors } = await queue.get(given);
        return [state, attempts, interruptions, errors.length];""",
        job_id,
    )
    assert charge == ["pending", 0, 1, 0]


@pytest.mark.long
async def test_a_tab_that_is_about_to_be_frozen_hands_over_at_once(windows: Windows) -> None:
    frozen = await windows.open(lease=30)
    await ready(frozen, "leader")
    job_id = await started(frozen, "sleep", 1)
    other = await windows.open(lease=30)

    await frozen.freeze()

    assert await charged(other, job_id) == ("completed", 1, 1)
    assert (await other.js("queue.status()"))["role"] == "leader"
    await frozen.thaw()
    await ready(frozen, "follower")


@pytest.mark.long
async def test_a_page_that_comes_back_from_the_cache_works_on(windows: Windows, tab_site: Site) -> None:
    tab = await windows.open(lease=30)
    await ready(tab, "leader")
    job_id = await started(tab, "sleep", 1)
    other = await windows.open(lease=30)
    await tab.js("""
        globalThis.cached = true;
        addEventListener('pageshow', (event) => { globalThis.persisted = event.persisted; });
    """)

    await tab.go(f"{tab_site.pages}blank.html")
    assert await charged(other, job_id) == ("completed", 1, 1)
    await tab.back()

    assert await tab.js("[cached, persisted]") == [True, True]
    await ready(tab, "follower")
    assert await tab.js("(await queue.submit('echo', 'back')).result()") == "back"
    assert (await tab.js("queue.get(given)", job_id))["state"] == "completed"


@pytest.mark.long
async def test_an_idle_tab_that_nobody_sees_leaves_the_work_to_one_that_is_seen(windows: Windows) -> None:
    hidden = await windows.open(lease=1)
    await ready(hidden, "leader")

    seen = await windows.open(lease=1)

    await ready(seen, "leader")
    await ready(hidden, "follower")


@pytest.mark.long
async def test_a_tab_that_is_seen_comes_before_those_that_waited_longer(windows: Windows) -> None:
    leader = await windows.open(lease=30)
    await ready(leader, "leader")
    hidden = await windows.open(lease=30)
    await ready(hidden, "follower")
    seen = await windows.open(lease=30)
    await ready(seen, "follower")

    await windows.shut(leader)

    await ready(seen, "leader")
    assert (await hidden.js("queue.status()"))["role"] == "follower"
