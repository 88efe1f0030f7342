"""The tab as a worker of a server: real Chromium, real Starlette server, jobs from CPython."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.web.conftest import Site
from tests.web.pages.py import guest
from tests.web.serving import serve
from tests.web.tab_harness import Tab, Tabs
from tests.web.test_docs_pages import example
from wherry import Client, JobHandle, Server, Task, open_storage, task
from wherry.errors import JobCancelled
from wherry.job import JobRow
from wherry.messages import Cursor, NewJob, RecordWrite
from wherry.storage.protocol import Storage
from wherry_server.app import create_app
from wherry_server.serving import serving

WORK = "a-token-that-works-0123456789abcdef"
"""Its scope is `work` alone: a tab needs no other."""
LOOK = "a-token-that-looks-0123456789abcdef"

PATIENCE_S = 60
IN_A_TAB = "emscripten"


@task(name="guest.kept", place="server")
async def kept() -> str:
    return sys.platform


@task(name="unknown.to.the.tab")
async def unknown() -> str:
    return sys.platform


@dataclass(frozen=True)
class Shore:
    """A server without workers, and a client in this process."""

    storage: Storage
    client: Client
    url: str

    async def row(self, handle: JobHandle[Any]) -> JobRow:
        return (await self.storage.get([handle.id]))[handle.id]

    async def reaches(self, handle: JobHandle[Any], state: str) -> JobRow:
        """The job once it has that state; not every change is an event, but each is hinted at."""
        async with asyncio.timeout(PATIENCE_S), aclosing(self.storage.listen()) as hints:
            async for _ in hints:
                row = await self.row(handle)
                if row.state == state:
                    return row
        raise AssertionError("the storage was closed")

    async def result(self, handle: JobHandle[Any]) -> Any:
        return await handle.result(timeout=PATIENCE_S)

    async def running(self, one: Task[Any, Any], *values: Any) -> JobHandle[Any]:
        """A new job, once somebody has taken it."""
        head = (await self.storage.changes(Cursor(""), limit=1)).cursor
        handle = await self.client.submit(one, *values)
        async with (
            asyncio.timeout(PATIENCE_S),
            aclosing(self.client.events(names=["job_start"], since=head)) as events,
        ):
            async for event in events:
                if event.job_id == handle.id:
                    break
        return handle


@pytest_asyncio.fixture(loop_scope="session")
async def shore(tmp_path: Path, tab_site: Site) -> AsyncGenerator[Shore]:
    tokens = {WORK: ("work",), LOOK: ("observe", "submit")}
    async with open_storage(f"sqlite:{tmp_path / 'jobs.db'}") as storage:
        app = create_app(storage, tokens=tokens, cors=[tab_site.url.rstrip("/")])
        client = Client(storage)
        async with serving(app) as address:
            await client.connect()
            yield Shore(storage, client, address.url)
            await client.disconnect()


async def hired(tabs: Tabs, shore: Shore, *, lease: float = 30, **options: Any) -> Tab:
    """A tab that works for the server."""
    server = {"url": shore.url, "token": WORK, "work": ["default"], **options}
    return await tabs.open(tasks=("guest.py",), server=server, lease=lease)


async def server_is(tab: Tab, **wanted: Any) -> dict[str, Any]:
    """The status of the work for the server, once it is so."""
    return await tab.js(
        """
        const wanted = Object.entries(given);
        const fits = ({ server }) => server && wanted.every(([name, value]) => server[name] === value);
        return new Promise((resolve) => {
          const look = (status) => fits(status) && resolve(status.server);
          queue.on('status', look);
          look(queue.status());
        });""",
        wanted,
    )


async def test_a_job_submitted_from_cpython_runs_in_the_tab(tabs: Tabs, shore: Shore) -> None:
    await shore.storage.write([RecordWrite("task", kept.name, 0, kept.manifest())])
    left = [
        await shore.client.submit(unknown),
        await shore.client.submit(kept),
        await shore.client.submit(guest.where.options(queue="other"), 1),
    ]
    either, browser = await shore.client.submit(guest.where, [1, "é"]), await shore.client.submit(guest.tab)

    tab = await hired(tabs, shore)

    assert await shore.result(either) == [IN_A_TAB, [1, "é"]]
    assert await shore.result(browser) == IN_A_TAB
    assert await server_is(tab, done=2) == {"state": "working", "active": 0, "done": 2}
    assert [(await shore.row(one)).state for one in left] == ["pending"] * 3
    worker = str((await shore.row(either)).worker)
    assert worker.startswith("tab:")
    assert [one.name for one in await shore.client.workers()] == [worker]
    # The server learnt of tasks that only the tab has.
    known = {record.key: record.value for record in await shore.storage.read("task")}
    assert known[guest.tab.name] == guest.tab.manifest()
    assert known[kept.name] == kept.manifest()


async def left_behind(shore: Shore, handle: JobHandle[Any]) -> JobRow:
    """The job once another worker has done it, which comes when the tab is gone."""
    async with Server(shore.storage, [guest.stay], lease=1):
        assert await shore.result(handle) == sys.platform
    return await shore.row(handle)


@pytest.mark.long
async def test_a_tab_that_closes_hands_its_jobs_to_another_worker_uncharged(tabs: Tabs, shore: Shore) -> None:
    tab = await hired(tabs, shore)
    handles = [await shore.running(guest.stay), await shore.running(guest.stay)]
    await server_is(tab, active=2)

    await tab.page.close(run_before_unload=True)

    for handle in handles:
        row = await left_behind(shore, handle)
        assert (row.attempt, row.interruptions) == (1, 1)


@pytest.mark.long
async def test_a_tab_that_freezes_hands_its_jobs_back_until_it_wakes(tabs: Tabs, shore: Shore) -> None:
    tab = await hired(tabs, shore)
    handle = await shore.running(guest.stay)
    await server_is(tab, active=1)

    await tab.js("document.dispatchEvent(new Event('freeze'))")

    row = await shore.reaches(handle, "pending")
    assert (row.attempt, row.interruptions) == (0, 1)
    await tab.js("document.dispatchEvent(new Event('resume'))")
    row = await shore.reaches(handle, "running")
    assert (row.attempt, row.interruptions) == (1, 1)


@pytest.mark.long
async def test_closing_the_queue_hands_its_jobs_back(tabs: Tabs, shore: Shore) -> None:
    tab = await hired(tabs, shore)
    handle = await shore.running(guest.stay)

    await tab.js("queue.close()")

    row = await shore.row(handle)
    assert (row.state, row.attempt, row.interruptions) == ("pending", 0, 1)


@pytest.mark.long
async def test_another_tab_goes_on_working_when_the_leading_one_closes(tabs: Tabs, shore: Shore) -> None:
    first, second = await hired(tabs, shore), await hired(tabs, shore)
    await server_is(first, state="working")
    assert (await server_is(second, state="working"))["active"] == 0  # told by the leader

    await first.page.goto("about:blank")

    assert await shore.result(await shore.client.submit(guest.tab)) == IN_A_TAB


@pytest.mark.long
async def test_code_that_blocks_keeps_its_lease_holds_nobody_up_and_can_be_cancelled(
    tabs: Tabs, shore: Shore
) -> None:
    tab = await hired(tabs, shore, lease=1)
    handle = await shore.running(guest.spin, 2.5)

    assert await tab.run("guest.where", "own") == [IN_A_TAB, "own"]

    assert (await shore.row(handle)).state == "running"
    async with Server(shore.storage, [kept], lease=1):  # its sweeper judges leases
        assert await shore.result(handle) == IN_A_TAB
    row = await shore.row(handle)
    assert (row.attempt, row.interruptions) == (1, 0)

    endless = await shore.running(guest.spin, 600)
    await endless.cancel()
    with pytest.raises(JobCancelled):
        await shore.result(endless)
    assert await shore.result(await shore.client.submit(guest.tab)) == IN_A_TAB


@pytest.mark.long
async def test_a_token_that_may_not_work_is_told(tabs: Tabs, shore: Shore) -> None:
    tab = await hired(tabs, shore, token=LOOK)

    status = await server_is(tab, state="failed")

    assert status["error"]["code"] == "forbidden"
    assert (
        'may observe and submit, not work: give open() one with the scope "work"'
        in status["error"]["message"]
    )
    assert await tab.run("guest.where", 1) == [IN_A_TAB, 1]


# --- limits ------------------------------------------------------------------------------------------------
@pytest.mark.long
async def test_a_page_takes_no_more_jobs_than_it_may(tabs: Tabs, shore: Shore) -> None:
    handles = await shore.client.submit_many(guest.where, [1, 2, 3])

    tab = await hired(tabs, shore, maxJobs=2)

    status = await server_is(tab, state="resting", done=2)
    assert status["reason"] == "limit"
    assert sorted([(await shore.row(one)).state for one in handles]) == ["completed", "completed", "pending"]


DEVICE = """
    globalThis.device = Object.assign(new EventTarget(), { level: 0.2, charging: false });
    navigator.getBattery = async () => device;
    globalThis.connection = Object.assign(new EventTarget(), { saveData: true });
    Object.defineProperty(navigator, 'connection', { get: () => connection });
"""


@pytest.mark.long
async def test_a_device_that_must_save_or_is_offline_takes_nothing_until_it_need_not(
    tabs: Tabs, shore: Shore
) -> None:
    await tabs.context.add_init_script(DEVICE)
    handle = await shore.client.submit(guest.tab)
    tab = await hired(tabs, shore, minBattery=0.5)

    assert (await server_is(tab, state="resting"))["reason"] == "save_data"
    await tab.js("connection.saveData = false; connection.dispatchEvent(new Event('change'));")
    await server_is(tab, state="resting", reason="battery")
    await tab.js("device.level = 0.4; device.dispatchEvent(new Event('levelchange'));")
    assert (await shore.row(handle)).state == "pending"
    await tab.js("device.charging = true; device.dispatchEvent(new Event('chargingchange'));")
    assert await shore.result(handle) == IN_A_TAB

    await tabs.context.set_offline(True)
    await server_is(tab, state="resting", reason="offline")
    handle = await shore.client.submit(guest.tab)
    await tabs.context.set_offline(False)
    assert await shore.result(handle) == IN_A_TAB


async def test_what_is_wrong_with_the_option_is_told(tabs: Tabs) -> None:
    tab = Tab(await tabs.page())
    options = {"url": "indexeddb:tests", "server": {"url": "ftp://x", "work": [], "minBattery": 2}}

    error = await tab.page.evaluate(
        "([base, given]) => outcome(openQueue(base, given))", [tabs.site.base, options]
    )

    assert error["code"] == "invalid_input"
    assert error["data"]["problems"] == [
        "tasks: are missing, and a tab can work for a server with none of them",
        "url: must be the address of a server",
        'work: must name at least one queue, or "*" for all',
        "minBattery: must be a number from 0 to 1",
    ]


@pytest.mark.long
async def test_the_page_of_the_docs_works_for_a_server(
    context: BrowserContext, site_folder: Path, tmp_path: Path
) -> None:
    guide = "docs/how-to/tab-as-worker.md"
    (tmp_path / "jobs.py").write_text(example(guide, "python"))
    async with open_storage("memory:") as storage:
        with serve({"/": tmp_path, "/wherry/": site_folder}) as url:
            app = create_app(storage, tokens={"token-of-this-visitor": ("work",)}, cors=[url.rstrip("/")])
            async with serving(app) as address:
                script = example(guide, "html").replace("https://jobs.example", address.url)
                (tmp_path / "index.html").write_text(f"<!doctype html><body>{script}</body>")
                job = NewJob("a", "", "default", "text.count", '"one two three"')
                await storage.add([job])
                page = await context.new_page()
                await page.goto(url)

                await expect(page.locator("#state")).to_have_text("working, 1 done", timeout=60_000)
        assert (await storage.get(["a"]))["a"].output == "3"
