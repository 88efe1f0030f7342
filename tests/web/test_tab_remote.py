"""A page that connects to a server: the same queue, the jobs run there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs
from wherry import Context, Server, open_storage, task
from wherry_server.app import create_app
from wherry_server.serving import serving

TOKEN = "a-token-for-tests-0123456789abcdef"


@task(name="text.count")
async def count_words(text: str) -> int:
    return len(text.split())


@task(name="steps")
async def steps(count: int, context: Context) -> int:
    for step in range(count):
        context.progress(100 * step / count)
        await asyncio.sleep(0.3)
    return count


@task(name="power")
async def power(exponent: int) -> int:
    return 2**exponent


@task(name="fail", max_attempts=1)
async def fail(message: str) -> None:
    raise ValueError(message)


@task(name="wait")
async def wait(seconds: float) -> None:
    await asyncio.sleep(seconds)


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path, tab_site: Site) -> AsyncGenerator[str]:
    """A server over SQLite with a worker, and the address under which pages of the site may call it."""
    async with (
        open_storage(f"sqlite:{tmp_path / 'jobs.db'}") as storage,
        Server(storage, [count_words, steps, power, fail, wait]) as running,
        serving(
            create_app(
                storage,
                tokens={TOKEN: ("observe", "submit", "operate")},
                cors=[tab_site.url.rstrip("/")],
                server=running,
            )
        ) as address,
    ):
        yield address.url


@pytest_asyncio.fixture(loop_scope="session")
async def tab(tabs: Tabs, server: str) -> Tab:
    return await tabs.open(tasks=(), url=server, token=TOKEN)


async def test_a_job_submitted_from_a_page_runs_on_the_server(tab: Tab) -> None:
    assert await tab.run("text.count", "one two three") == 3
    assert (await tab.js("queue.status()"))["role"] == "client"


async def test_progress_and_events_come_over_the_network(tab: Tab) -> None:
    percents, types = await tab.js("""
        const handle = await queue.submit('steps', 6, { delay: 0.5 });
        const percents = [], types = [];
        handle.onProgress(({ percent }) => percents.push(percent));
        for await (const { type } of handle.events()) types.push(type);
        await handle.result();
        return [percents, types];""")

    assert percents
    assert percents == sorted(percents)
    assert "progress" in types
    assert types[-1] == "complete"


async def test_exact_integers_and_errors_come_over_the_network(tab: Tab) -> None:
    assert await tab.js("(await queue.submit('power', 80)).resultText()") == str(2**80)
    error = await tab.outcome("(await queue.submit('fail', 'sunk')).result()")
    assert (error["code"], error["data"]["message"]) == ("job_failed", "sunk")


async def test_a_job_on_the_server_is_cancelled_from_a_page(tab: Tab) -> None:
    job_id = await tab.submit("wait", 60)

    assert await tab.js("queue.handle(given).cancel()", job_id)
    assert (await tab.outcome("queue.handle(given).result()", job_id))["code"] == "job_cancelled"


async def test_input_is_refused_at_the_door(tab: Tab) -> None:
    unknown = await tab.outcome("queue.submit('text.cuont', 'x')")
    wrong = await tab.outcome("queue.submit('text.count', 3)")

    assert unknown["code"] == "task_unknown"
    assert 'did you mean "text.count"?' in unknown["message"]
    assert wrong["code"] == "invalid_input"
    assert wrong["data"]["problems"] == ["input: should be a string"]


async def test_a_server_without_its_token_is_refused(tabs: Tabs, server: str) -> None:
    errors = [
        await refused(tabs, {"url": server, **given})
        for given in ({}, {"token": "wrong-token-0123456789abcdefghij"})
    ]

    assert [error["code"] for error in errors] == ["unauthorized", "unauthorized"]


async def test_a_server_that_does_not_let_this_origin_in_is_told(tabs: Tabs, tmp_path: Path) -> None:
    async with (
        open_storage("memory:") as storage,
        serving(create_app(storage, tokens=None)) as address,
    ):
        error = await refused(tabs, {"url": address.url})

    assert error["code"] == "cors"


async def test_tasks_are_no_option_of_a_server(tabs: Tabs, server: str) -> None:
    error = await refused(tabs, {"url": server, "token": TOKEN, "tasks": ["/jobs.py"]})

    assert error["code"] == "invalid_input"


async def refused(tabs: Tabs, options: dict[str, Any]) -> dict[str, Any]:
    """The error of an `open`."""
    page = await tabs.page()
    return await page.evaluate(
        "([base, given]) => outcome(openQueue(base, given))", [tabs.site.base, options]
    )
