"""Code that blocks, hoards memory or breaks Python down: the page and the other jobs do not suffer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs
from tests.web.tab_sites import Oddity, odd_site
from wherry_web.executor import kept

ISOLATING = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}

UNTIL_RUNNING = """
    while ((await queue.get(given)).state !== 'running') await new Promise((wake) => setTimeout(wake, 20));
"""

CANCELLED_IN_S = """
    const handle = queue.handle(given);
    const before = performance.now();
    await handle.cancel();
    const { code } = await outcome(handle.result());
    return [code, (performance.now() - before) / 1000];
"""


async def running(tab: Tab, task: str, value: Any = None, **options: Any) -> str:
    job_id = await tab.submit(task, value, **options)
    await tab.js(UNTIL_RUNNING, job_id)
    return job_id


async def charges(tab: Tab, job_id: str) -> tuple[str, int, int]:
    job = await tab.job(job_id)
    return job["state"], job["attempts"], job["interruptions"]


# --- the page --------------------------------------------------------------------------------------------
async def test_the_page_keeps_its_frame_rate_while_a_task_computes(tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.ready()

    late, frames = await tab.js("""
        const gaps = [];
        const job = (await queue.submit('spin', 2)).result();
        let over = false;
        job.then(() => (over = true));
        for (let last = performance.now(); !over; ) {
          const now = await new Promise(requestAnimationFrame);
          gaps.push(now - last);
          last = now;
        }
        return [gaps.filter((gap) => gap > 100).length, gaps.length];""")

    assert frames > 60
    assert late <= frames / 50


# --- interrupts --------------------------------------------------------------------------------------------
@pytest_asyncio.fixture(loop_scope="session")
async def isolated(context: BrowserContext, site_folder: Path, tab_site: Site) -> AsyncGenerator[Tabs]:
    """Tabs that are cross-origin isolated."""
    with odd_site(site_folder, tab_site.manifest, Oddity(headers=ISOLATING, everywhere=True)) as site:
        yield Tabs(context, site)
        for page in context.pages:
            await page.close()


@pytest.mark.long
async def test_where_the_page_is_isolated_a_loop_is_interrupted_and_python_lives_on(isolated: Tabs) -> None:
    tab = await isolated.open(tasks=("hard.py",))
    await tab.ready()
    assert (await tab.js("queue.status()"))["isolated"]
    beside = await running(tab, "nap", 1)
    loop = await running(tab, "tidy.loop")

    code, took_s = await tab.js(CANCELLED_IN_S, loop)

    assert code == "job_cancelled"
    assert took_s < 1.5
    assert (await tab.job(loop))["progress"]["message"] == "tidied up"
    assert await tab.result(beside) == 1
    assert await charges(tab, beside) == ("completed", 1, 0)
    error = await tab.outcome("(await queue.submit('tidy.loop', null, { timeout: 0.5 })).result()")
    assert (error["code"], error["data"]["code"]) == ("job_failed", "timeout")
    assert (await tab.js("seen.boots.filter(({ phase }) => phase === 'start').length")) == 1
    # Code that catches even this is ended with its Python.
    deaf = await running(tab, "deaf.loop")
    assert (await tab.js(CANCELLED_IN_S, deaf))[0] == "job_cancelled"
    assert await tab.run("nap", 0) == 0


# --- a worker of its own -----------------------------------------------------------------------------------
@pytest.mark.long
async def test_a_task_with_a_worker_of_its_own_hurts_no_other_job(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=("hard.py", "jobs.py"))
    await tab.ready()
    loop = await running(tab, "alone.loop")
    beside = await running(tab, "sleep", 1)

    assert await tab.run("echo", "beside a loop") == "beside a loop"
    code, took_s = await tab.js(CANCELLED_IN_S, loop)

    assert code == "job_cancelled"
    assert took_s < 2.5
    assert await tab.result(beside) == 1
    assert await charges(tab, beside) == ("completed", 1, 0)
    assert await tab.run("alone.spin", 0.1) == 0.1
    error = await tab.outcome("(await queue.submit('alone.loop', null, { timeout: 0.5 })).result()")
    assert (error["code"], error["data"]["code"]) == ("job_failed", "timeout")
    assert (await tab.js("queue.status()"))["python"] == "ready"


# --- memory, and the end of Python -----------------------------------------------------------------------
@pytest.mark.long
async def test_a_job_that_breaks_python_down_pays_and_the_others_do_not(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=("hard.py",))
    await tab.ready()
    beside = await running(tab, "nap", 0.5)

    error = await tab.outcome("(await queue.submit('break')).result()")

    assert (error["code"], error["data"]["code"]) == ("job_failed", "executor_crashed")
    assert await tab.result(beside) == 0.5
    assert (await tab.job(beside))["attempts"] == 1
    assert await tab.run("nap", 0) == 0


@pytest.mark.long
async def test_an_idle_python_that_holds_too_much_memory_is_replaced(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=("hard.py",))
    await tab.ready()
    worker = (
        await tab.js(
            "queue.get((await queue.submit('nap', 0).then(async (one) => (await one.result(), one))).id)"
        )
    )["worker"]

    assert await tab.run("hoard", 600) == 600 * 2**20
    await tab.js("await statusIs({ python: 'booting' }); await statusIs({ python: 'ready' });")

    later = await tab.submit("nap", 0)
    assert await tab.result(later) == 0
    assert (await tab.job(later))["worker"] != worker
    assert await charges(tab, later) == ("completed", 1, 0)


# --- the tasks' own policies --------------------------------------------------------------------------------
@pytest.mark.long
async def test_a_task_that_never_retries_a_timeout_fails_at_the_first(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=("hard.py",), keep={"failed": {"seconds": 3600}})
    await tab.ready()

    error = await tab.outcome("(await queue.submit('slow', null, { timeout: 0.5 })).result()")

    assert (error["code"], error["data"]["code"]) == ("job_failed", "timeout")
    assert await charges(tab, error["jobId"]) == ("failed", 1, 0)


@pytest.mark.long
async def test_a_timeout_that_the_keeper_alone_times_ends_the_attempt(tabs: Tabs) -> None:
    """R8, B4: only shorter ones have a timer in Python."""
    tab = await tabs.open(tasks=("hard.py",))
    await tab.ready()

    error, took_ms = await tab.js("""
        const began = performance.now();
        const error = await outcome((await queue.submit('slow', null, { timeout: 10.5 })).result());
        return [error, performance.now() - began];""")

    assert (error["code"], error["data"]["code"]) == ("job_failed", "timeout")
    assert "longer than its timeout of 10.5 s" in error["message"]
    assert 10_500 <= took_ms < 13_000
    assert await charges(tab, error["jobId"]) == ("failed", 1, 0)
    assert await tab.run("nap", 0) == 0


@pytest.mark.long
async def test_what_is_not_kept_is_removed(tabs: Tabs) -> None:
    tab = await tabs.open(keep={"completed": {"seconds": 0}})

    assert await tab.run("echo", "short-lived") == "short-lived"

    assert await tab.js("queue.count()") == {}


def test_what_is_kept_is_said_as_a_server_wants_it() -> None:
    assert kept({"completed": {"seconds": 60, "jobs": 5}, "failed": {"jobs": 9}}) == {
        "delete_after_completion": 60, "keep_completed": 5, "delete_after_failure": None, "keep_failed": 9,
    }  # fmt: skip
