"""`wherry demo --check`: how it sees a page, and how it ends.  The plays themselves run on the real page."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from tests.server.cli.command import Wherry
from wherry_server.cli.screen import Screen
from wherry_server.demo import browser, check
from wherry_server.demo.browser import Watch, headless
from wherry_server.demo.plays import shoot
from wherry_server.demo.stage import Missed, Stage

PAGE = """<!doctype html><title>a page</title>
<p data-testid="shore-tab" data-state="ready"></p>
<p data-testid="progress-tab" data-done="12" data-total="12.0"></p>
<button data-testid="later" disabled onclick="this.dataset.clicked = 'yes'">Go</button>
<script>setTimeout(() => document.querySelector("button").disabled = false, 300)</script>
"""
ERROR = '<p data-testid="error" data-code="quota">The disk is full</p>'


@pytest_asyncio.fixture
async def stage() -> AsyncGenerator[Stage]:
    async with headless() as context:
        page, watch = await context.new_page(), Watch()
        watch.follow(page)
        await page.set_content(PAGE)
        yield Stage(context, page, watch, cast("Any", None))


async def test_an_element_is_seen_or_missed_with_the_reason(stage: Stage) -> None:
    await stage.see("shore-tab", '[data-state="ready"]', within_s=5)
    assert await stage.number("progress-tab", "total") == 12
    assert await stage.number("progress-tab", "failed") == 0

    with pytest.raises(Missed, match=r"no shore-tab\[data-state=\"failed\"\] after 0.3 s"):
        await stage.see("shore-tab", '[data-state="failed"]', within_s=0.3)


async def test_a_button_is_clicked_as_soon_as_it_can_be(stage: Stage) -> None:
    await stage.click("later")

    await stage.see("later", '[data-clicked="yes"]', within_s=5)


async def test_an_error_on_the_page_ends_a_wait_at_once(stage: Stage) -> None:
    await stage.page.set_content(PAGE + ERROR)

    with pytest.raises(Missed, match=r"the page says: \[quota\] The disk is full"):
        await stage.see("never", within_s=60)


async def test_errors_in_the_console_are_kept_and_those_of_being_offline_forgiven(stage: Stage) -> None:
    await stage.page.evaluate("console.error('Failed to load resource: net::ERR_INTERNET_DISCONNECTED')")
    stage.watch.offline = True
    await stage.page.evaluate("console.error('Failed to load resource: net::ERR_INTERNET_DISCONNECTED')")
    await stage.page.evaluate("console.error('a bug'); console.warn('no error')")

    assert stage.watch.errors == [
        "console: Failed to load resource: net::ERR_INTERNET_DISCONNECTED",
        "console: a bug",
    ]


async def test_screenshots_are_taken_and_a_page_too_wide_is_told(stage: Stage, tmp_path: Path) -> None:
    await shoot(stage, tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        "dark-1280.png",
        "dark-390.png",
        "light-1280.png",
        "light-390.png",
    ]

    await stage.page.set_content('<div style="width: 600px">wide</div>')
    with pytest.raises(Missed, match="light 390"):
        await shoot(stage, tmp_path)


async def test_a_play_that_misses_is_told_and_the_next_goes_on(
    stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def holds(_: Stage) -> str:
        return "well"

    async def misses(stage: Stage) -> str:
        await stage.see("never", within_s=0.1)
        return ""

    assert await check.play(Screen(), stage, "one", holds, None)
    assert not await check.play(Screen(), stage, "another", misses, tmp_path)

    said = capsys.readouterr().out
    assert "✓ one" in said
    assert "✕ another" in said
    assert (tmp_path / "failed-another.png").is_file()


def test_without_a_browser_the_check_is_refused_with_the_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(browser.VARIABLE, str(tmp_path / "no-such-browser"))

    said = Wherry(capsys)("demo", "--check", "--site", str(tmp_path / "site"))

    assert said.code == 2
    assert "[no_browser]" in said.err
    assert "WHERRY_CHROMIUM" in said.err
