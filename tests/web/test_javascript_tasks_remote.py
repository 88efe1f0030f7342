"""Tasks written in JavaScript in a page whose queue is on a server: the page runs the server's jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs
from wherry import Client, Server, open_storage, task
from wherry_server.app import create_app
from wherry_server.serving import serving

WORK = "a-token-that-works-0123456789abcdef"
LOOK = "a-token-that-looks-0123456789abcdef"

HOLD = """
    await queue.task('hold', async (value, { signal, progress }) => {
      progress(50, 'held');
      await new Promise((resolve, reject) => {
        globalThis.end = resolve;
        signal.addEventListener('abort', () => reject(signal.reason));
      });
      return value;
    });
"""


@task(name="python")
async def python(value: int) -> int:
    return value


@dataclass(frozen=True)
class Shore:
    """A server with a worker of its own, and a client in this process."""

    client: Client
    url: str

    async def page(self, tabs: Tabs, token: str = WORK) -> Tab:
        return await tabs.open(tasks=(), url=self.url, token=token)

    async def state(self, job_id: str, wanted: str) -> None:
        """Wait until the job has that state; not every change is an event, but each is hinted at."""
        async with asyncio.timeout(30), aclosing(self.client.storage.listen()) as hints:
            async for _ in hints:
                if (await self.client.get(job_id)).state.value == wanted:
                    return


@pytest_asyncio.fixture(loop_scope="session")
async def shore(tmp_path: Path, tab_site: Site) -> AsyncGenerator[Shore]:
    tokens = {WORK: ("observe", "submit", "work"), LOOK: ("observe", "submit")}
    async with (
        open_storage(f"sqlite:{tmp_path / 'jobs.db'}") as storage,
        Server(storage, [python]),
        serving(create_app(storage, tokens=tokens, cors=[tab_site.url.rstrip("/")])) as address,
        Client(storage) as client,
    ):
        yield Shore(client, address.url)


async def test_a_page_runs_the_jobs_of_a_server(tabs: Tabs, shore: Shore) -> None:
    tab = await shore.page(tabs)
    await tab.js("""
        await queue.task('loud', (text, { attempt, log }) => {
          log('asked');
          if (attempt === 1) throw new wherry.RetryableError('not yet', { delay: 0.01 });
          return [text.toUpperCase(), typeof document];
        });""")
    assert "tasks" in await tab.js("[...queue.capabilities]")

    handle = await shore.client.submit("loud", "ahoy")

    assert await handle.result(timeout=30) == ["AHOY", "object"]
    job = await handle.job()
    assert (job.attempts, [one.code for one in job.errors]) == (2, ["retryable"])
    assert [line.message for line in await shore.client.logs(handle.id)] == ["asked", "asked"]
    assert await tab.run("loud", "from the page") == ["FROM THE PAGE", "object"]
    assert await tab.run("python", 3) == 3


@pytest.mark.long
async def test_a_page_that_goes_hands_its_job_back(tabs: Tabs, shore: Shore) -> None:
    tab = await shore.page(tabs)
    await tab.js(HOLD)
    handle = await shore.client.submit("hold", 1)
    await shore.state(handle.id, "running")
    await tab.page.wait_for_function("() => globalThis.end")  # it has heard of it, too

    await tab.page.goto("about:blank")

    await shore.state(handle.id, "pending")
    job = await handle.job()
    assert (job.attempts, job.interruptions) == (0, 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("target", "gone", "back"), [("window", "pagehide", "pageshow"), ("document", "freeze", "resume")]
)
async def test_a_page_that_leaves_takes_no_job_until_it_is_back(
    tabs: Tabs, shore: Shore, target: str, gone: str, back: str
) -> None:
    tab = await shore.page(tabs)
    await tab.js(HOLD)
    handle = await shore.client.submit("hold", 1)
    await shore.state(handle.id, "running")
    await tab.page.wait_for_function("() => globalThis.end")

    # Its worker lives on, as that of a real page does for a moment.
    await tab.js(f"{target}.dispatchEvent(new Event('{gone}'))")

    await shore.state(handle.id, "pending")
    assert await tab.run("python", 3) == 3  # the page has heard of all that by now
    assert (await handle.job()).state.value == "pending"
    await tab.js(f"globalThis.end = null; {target}.dispatchEvent(new Event('{back}'))")
    await tab.page.wait_for_function("() => globalThis.end")
    await tab.js("globalThis.end()")
    assert await handle.result(timeout=30) == 1


async def test_a_job_of_a_page_is_cancelled_from_the_server(tabs: Tabs, shore: Shore) -> None:
    tab = await shore.page(tabs)
    await tab.js(HOLD)
    handle = await shore.client.submit("hold", 1)
    await shore.state(handle.id, "running")

    assert await handle.cancel()

    await shore.state(handle.id, "cancelled")


async def test_a_token_that_may_not_work_is_refused(tabs: Tabs, shore: Shore) -> None:
    tab = await shore.page(tabs, LOOK)

    error = await tab.outcome("queue.task('loud', (text) => text)")

    assert (error["code"], error["data"]["scope"]) == ("forbidden", "work")
    assert "tasks" not in await tab.js("[...queue.capabilities]")


@pytest.mark.long
async def test_a_name_that_a_worker_of_the_server_has_is_refused(tabs: Tabs, shore: Shore) -> None:
    tab = await shore.page(tabs)

    error = await tab.outcome("queue.task('python', (value) => value)")

    assert error["code"] == "duplicate_task"
