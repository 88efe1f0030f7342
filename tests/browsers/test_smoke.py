"""The main flows of a page with `wherry.js`, in engines that are not Chromium."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest_asyncio

from tests.browsers.driver import Engine, Page
from tests.web.conftest import Site
from wherry.ids import new_id


class Tab:
    """A page with an open queue."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def js(self, code: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression or block; `queue` is the page's, `given` the argument."""
        body = code if ";" in code else f"return {code}"
        return await self.page.evaluate(f"async (given) => {{ {body} }}", argument)

    async def until(self, job_id: str, state: str) -> dict[str, Any]:
        """The job, once it is in that state."""
        code = """
            for (;;) {
              const job = await queue.get(given[0]);
              if (job.state === given[1]) return job;
              await new Promise((wake) => setTimeout(wake, 20));
            }"""
        return await self.js(code, [job_id, state])


class Tabs:
    """Opens tabs on one new store."""

    def __init__(self, engine: Engine, site: Site) -> None:
        self._engine, self._site = engine, site
        self._store = new_id()
        self.opened: list[Page] = []

    async def open(self, **options: Any) -> Tab:
        tab = Tab(await self._engine.new_page())
        self.opened.append(tab.page)
        await tab.page.goto(f"{self._site.pages}tab.html")
        await self.attach(tab, **options)
        return tab

    async def attach(self, tab: Tab, *, tasks: str = "jobs.py", **options: Any) -> None:
        """Open the queue in a page that is loaded already."""
        modules = [f"{self._site.pages}py/{tasks}"]
        given = {"url": f"indexeddb:{self._store}", "tasks": modules, **options}
        await tab.page.evaluate("([base, given]) => openQueue(base, given)", [self._site.base, given])

    async def close(self, tab: Tab) -> None:
        self.opened.remove(tab.page)
        await tab.page.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(engine: Engine, tab_site: Site) -> AsyncGenerator[Tabs]:
    tabs = Tabs(engine, tab_site)
    yield tabs
    for page in tabs.opened:
        await page.close()


async def test_a_job_is_submitted_and_gives_its_result_and_progress(tabs: Tabs) -> None:
    tab = await tabs.open()

    output, percents = await tab.js("""
        const handle = await queue.submit('steps', 4);
        const percents = [];
        handle.onProgress(({ percent }) => percents.push(percent));
        return [await handle.result(), percents];""")

    assert output == 4
    assert percents
    assert percents == sorted(percents)
    assert (await tab.js("queue.status()"))["role"] == "leader"


async def test_a_task_with_types_is_checked(tabs: Tabs) -> None:
    tab = await tabs.open(tasks="typed.py")

    assert await tab.js("(await queue.submit('text.count', 'one two three')).result()") == 3
    error = await tab.js("outcome(queue.submit('text.count', 3))")
    assert error["code"] == "invalid_input"


async def test_running_jobs_are_cancelled_also_when_they_block(tabs: Tabs) -> None:
    tab = await tabs.open()
    for task, value in (("sleep", 60), ("loop", None)):
        job_id = await tab.js("(await queue.submit(...given)).id", [task, value])
        await tab.until(job_id, "running")

        assert await tab.js("queue.handle(given).cancel()", job_id)

        await tab.until(job_id, "cancelled")
    assert await tab.js("(await queue.submit('echo', 'next')).result()") == "next"


async def test_a_job_survives_a_reload(tabs: Tabs) -> None:
    tab = await tabs.open()
    job_id = await tab.js("(await queue.submit('sleep', 1)).id")
    await tab.until(job_id, "running")

    await tab.page.reload()
    await tabs.attach(tab)

    job = await tab.until(job_id, "completed")
    assert (job["output"], job["attempts"], job["interruptions"]) == (1, 1, 1)


async def test_a_second_tab_sees_the_jobs_and_takes_over(tabs: Tabs) -> None:
    first, second = await tabs.open(), await tabs.open()
    job_id = await second.js("(await queue.submit('sleep', 2)).id")
    await second.until(job_id, "running")
    assert (await second.js("queue.status()"))["role"] == "follower"

    await tabs.close(first)

    job = await second.until(job_id, "completed")
    assert (job["attempts"], job["interruptions"]) == (1, 1)
    assert (await second.js("queue.status()"))["role"] == "leader"
