"""What becomes of a queue, and what its page is told, when storage is full, cleared, upgraded or private."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from tests.web.conftest import Site
from tests.web.tab_harness import STORE, Tab, Tabs

UNTIL_RUNNING = """
    while ((await queue.get(given)).state !== 'running') await new Promise((wake) => setTimeout(wake, 20));
"""

UPGRADE = """
    await new Promise((resolve, reject) => {
      const request = indexedDB.open(given, 99);
      request.onupgradeneeded = () => {
        const meta = request.transaction.objectStore('meta');
        meta.get('meta').onsuccess = ({ target }) => meta.put({ ...target.result, schema: 99 }, 'meta');
      };
      request.onsuccess = () => resolve(request.result.close());
      request.onerror = () => reject(request.error);
    });
"""
"""Newer code, which lets older code go on."""

LIVE_WORKERS = (
    "(await navigator.locks.query()).held.filter(({ name }) => name.startsWith('wherry:w:')).length"
)


async def running(tab: Tab, task: str, value: object) -> str:
    job_id = await tab.submit(task, value)
    await tab.js(UNTIL_RUNNING, job_id)
    return job_id


FILL = """
    // What is stored is compressed, so it must not repeat.
    const noise = () => Array.from({ length: 20_000 }, () => Math.random().toString(36).slice(2, 7)).join('');
    const fill = async () => {
      for (;;) await queue.submit('echo', noise(), { delay: 3600 });
    };
    return outcome(fill());
"""

UNTIL_TOLD = """
    return new Promise((resolve) => {
      const look = ({ error }) => error && resolve(error);
      queue.on('status', look);
      look(queue.status());
    });
"""


@pytest.mark.long
async def test_what_finishes_on_a_full_disk_is_kept_until_there_is_room(tabs: Tabs) -> None:
    tab = Tab(await tabs.page())
    session = await tabs.context.new_cdp_session(tab.page)
    origin = tabs.site.url.rstrip("/")
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1_000_000})
    await tabs.attach(tab, tasks=("hard.py", "jobs.py"))
    await tab.ready()

    refused = await tab.js(FILL)
    # 150,000 to 250,000 bytes are left, less what the database has not tidied up yet: room for a small job,
    # and not for its result.
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1_150_000})
    stored = await tab.js("queue.count()")
    half = await tab.outcome("queue.submitMany('echo', [1, 'x'.repeat(400_000)], { delay: 3600 })")
    job_id = await tab.submit("long", 400_000)
    told = await tab.js(UNTIL_TOLD)

    for error in (refused, half, told):
        assert (error["code"], error["retryable"]) == ("quota", True)
    assert await tab.js("queue.count()") == {**stored, "running": 1}
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    assert len(await tab.result(job_id)) == 400_000
    job = await tab.job(job_id)
    assert (job["attempts"], job["interruptions"]) == (1, 0)
    assert "error" not in await tab.js("queue.status()")


@pytest.mark.long
async def test_storage_that_is_cleared_under_a_running_page_is_told(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open(work=False)
    await tab.ready()
    await running(tab, "sleep", 60)
    session = await tabs.context.new_cdp_session(tab.page)

    await session.send(
        "Storage.clearDataForOrigin", {"origin": tabs.site.url.rstrip("/"), "storageTypes": "indexeddb"}
    )

    for one in (tab, other):
        await one.js("await statusIs({ python: 'off' });")
        assert await one.js("[seen.events, queue.status().error.code]") == [["evicted"], "evicted"]
        assert (await one.outcome("queue.submit('echo', 1)"))["code"] == "evicted"
    await tabs.attach(tab)
    assert await tab.run("echo", "again") == "again"


@pytest.mark.long
async def test_a_schema_upgrade_by_newer_code_stops_no_job(tabs: Tabs) -> None:
    tab, newer = await tabs.open(), await tabs.page()
    await tab.ready()
    job_id = await running(tab, "sleep", 0.5)

    await Tab(newer).js(UPGRADE, f"wherry:{STORE.removeprefix('indexeddb:')}")

    assert await tab.result(job_id) == 0.5
    assert await tab.run("echo", "after the upgrade") == "after the upgrade"
    assert (await tab.job(job_id))["interruptions"] == 0
    assert await tab.js("seen.events") == []


@pytest.mark.long
async def test_a_private_window_works_and_leaves_nothing(
    tabs: Tabs, chromium: Browser, tab_site: Site
) -> None:
    private = await chromium.new_context()
    there = await Tabs(private, tab_site).open()
    job_id = await there.submit("echo", "secret")
    assert await there.result(job_id) == "secret"
    assert (await there.js("queue.status()"))["persisted"] is False

    await private.close()

    outside = await tabs.open(work=False)
    assert await outside.js("queue.get(given).then((job) => job ?? null)", job_id) is None


@pytest_asyncio.fixture(loop_scope="session")
async def phone(chromium: Browser) -> AsyncGenerator[BrowserContext]:
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        user_agent="Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/156.0.0.0 Mobile Safari/537.36",
    )
    yield context
    await context.close()


@pytest.mark.long
async def test_two_windows_on_a_phone_share_one_python_and_at_most_two_beside_it(
    phone: BrowserContext, tab_site: Site
) -> None:
    tabs = Tabs(phone, tab_site)
    tab = await tabs.open(tasks=("hard.py",), isolated=8)
    await tab.ready()
    second = await tabs.open(tasks=("hard.py",), isolated=8)
    await second.ready()

    spins: list[str] = await second.js(
        "(await queue.submitMany('alone.spin', Array(4).fill(1))).map(({ id }) => id)"
    )
    for job_id in spins:
        assert await second.result(job_id) == 1

    roles = [(await one.js("queue.status()"))["role"] for one in (tab, second)]
    assert roles == ["leader", "follower"]
    assert await tab.js(LIVE_WORKERS) == 3
