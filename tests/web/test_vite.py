"""The npm package in a real project: TypeScript checks it, Vite builds it, Chromium runs what came of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.web.conftest import log_error, log_message
from tests.web.serving import serve
from tools import example, node


@pytest.mark.long
async def test_a_built_project_runs_tasks_in_python_and_in_javascript(
    context: BrowserContext, site_folder: Path
) -> None:
    built = example.build_example(node.find())
    fetched: list[str] = []
    with serve({"/": built, "/wherry/": site_folder}) as url:
        page = await context.new_page()
        page.on("console", log_message)
        page.on("pageerror", log_error)
        context.on("request", lambda request: fetched.append(request.url))
        await page.goto(url)
        await page.wait_for_selector("form[data-ready]")

        await page.get_by_label("Text").fill("ahoy you there")
        await page.get_by_role("button").click()

        await expect(page.locator("#loud")).to_have_text("AHOY YOU THERE", timeout=20_000)
        await expect(page.locator("#words")).to_have_text("3", timeout=60_000)
    # Workers by the names that Vite gave them, all of them bundled.
    workers = [one for one in fetched if re.search(r"/(task-)?keeper-|/executor-", one)]
    assert len(set(workers)) == 3
    assert not [one for one in fetched if re.search(r"/(keeper|executor|idb)\.js$", one)]
