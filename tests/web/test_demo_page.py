"""The demo page, played in a real browser against the real `wherry demo`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from tests.web.demo_harness import PYTHON_MS, Demo, DemoPage, running_demo

LEAST_MODULES = 500
INDEX_MS = 300_000
JOB_MS = 8_000
"""What the page's `wait` job takes."""
CANARY = "kittiwake-5e1a"
CSV = f"port,day,depth\nWick,2026-01-02,3.5\nAith,2026-01-01,4.5\n{CANARY},2026-01-03,6\n"
DROP = """({ name, text }) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("dragenter", event));
  return document.body.dispatchEvent(new DragEvent("drop", event));
}"""


@pytest.fixture(scope="module")
def demo(site_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    with running_demo(site_folder, tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def profile(chromium: Browser) -> AsyncGenerator[BrowserContext]:
    """One for all tests, each of which finds the page as it was left: starting Python takes seconds."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context
    await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(profile: BrowserContext, demo: Demo) -> DemoPage:
    return await DemoPage.open(profile, demo.address)


@pytest.fixture
def shown(opened: DemoPage) -> Generator[DemoPage]:
    """The page; at the end of each test nothing was told to the console."""
    yield opened
    assert opened.errors == []
    opened.sent.clear()


@pytest.mark.long
async def test_both_shores_index_the_library_and_find_task_group(shown: DemoPage) -> None:
    await shown.ready()
    await shown.click("index-both")

    for shore in ("server", "tab"):
        numbers = await shown.indexed(shore, within_ms=INDEX_MS)
        assert numbers["total"] >= LEAST_MODULES
        assert numbers["failed"] == 0

    await shown.by("search").fill("TaskGroup")
    for shore in ("tab", "server"):
        await shown.click(f"filter-{shore}")
        best = shown.by("result").first
        await expect(best).to_have_attribute("data-name", "TaskGroup")
        await expect(best).to_have_attribute("data-found-in", "asyncio")
        assert shore in (await best.get_attribute("data-shore") or "").split()
    assert await shown.by("mark", '[data-state="completed"]').count() >= 2 * LEAST_MODULES
    await keyboard_walks_the_results(shown)
    await shown.by("search").fill("resource")
    await shown.page.set_viewport_size({"width": 390, "height": 844})
    assert await shown.js("() => document.documentElement.scrollWidth") == 390
    await shown.page.set_viewport_size({"width": 1280, "height": 800})


async def keyboard_walks_the_results(shown: DemoPage) -> None:
    await shown.by("search").blur()
    await shown.page.keyboard.press("/")
    await expect(shown.by("search")).to_be_focused()
    await shown.by("search").fill("asyncio queue")
    await shown.page.keyboard.press("ArrowDown")
    await shown.page.keyboard.press("ArrowDown")
    second = shown.by("result").nth(1)
    await expect(second).to_have_attribute("aria-selected", "true")
    await expect(shown.by("search")).to_have_attribute(
        "aria-activedescendant", await second.get_attribute("id") or ""
    )
    await shown.page.keyboard.press("Escape")
    await expect(shown.by("search")).to_have_value("")
    assert await shown.by("result").count() == 0


async def test_the_token_leaves_the_address_bar(shown: DemoPage, demo: Demo) -> None:
    await shown.see("shore-server", '[data-state="online"]')

    assert shown.page.url == demo.url
    assert await shown.js("() => sessionStorage.getItem('wherry.token')") == demo.token
    assert demo.token not in await shown.js(
        "() => document.documentElement.outerHTML + JSON.stringify(localStorage)"
    )


async def test_a_dropped_file_is_described_and_stays_in_the_tab(shown: DemoPage) -> None:
    await shown.ready()

    assert await shown.js(DROP, {"name": "ports.csv", "text": CSV}) is False, (
        "the browser would leave the page"
    )

    await shown.see("file-result", '[data-kind="csv"][data-rows="3"]')
    told = await shown.by("file-result").inner_text()
    assert re.search(r"depth\s+number\s+100 %\s+3\s+3\.5\s+4\.667\s+6", told)
    assert "ran in this tab" in told
    assert not [request for request in shown.sent if CANARY in request]


async def test_a_file_that_is_no_text_is_refused_with_the_reason(shown: DemoPage) -> None:
    await shown.ready()

    await shown.js(DROP, {"name": "<img src=x onerror=alert(1)>.bin", "text": "a\0b"})

    await shown.see("error", '[data-code="job_failed"]')
    told = await shown.by("error").inner_text()
    assert "<img src=x onerror=alert(1)>.bin is no UTF-8 text" in told
    assert await shown.page.locator("img").count() == 0


async def test_a_file_over_the_limit_is_refused_before_a_job_is_made(shown: DemoPage) -> None:
    await shown.ready()

    await shown.js(DROP, {"name": "long.txt", "text": "word " * 300_000})

    await shown.see("error", '[data-code="payload_too_large"]')
    assert "choose a smaller file" in await shown.by("error").inner_text()
    assert await shown.by("job").filter(has_text="long.txt").count() == 0


@pytest.mark.long
async def test_a_job_of_a_killed_worker_gets_one_result_on_its_second_attempt(shown: DemoPage) -> None:
    await shown.see("shore-server", '[data-state="online"][data-loaded]')

    await shown.click("kill-worker")

    lease = shown.by("shore-server").get_by_test_id("lease")
    await expect(lease).to_have_text(re.compile(r"lease ends in [\d.]+ (s|ms)"), timeout=30_000)
    assert 0 < int(await lease.get_attribute("data-left-ms") or 0) <= 5_000
    done = '[data-shore="server"][data-task="wait"][data-state="completed"][data-attempt="2"]'
    await shown.see("job", done, within_ms=60_000 + JOB_MS)
    told = shown.by("shore-server").get_by_role("status")
    await expect(told).to_have_text("Attempt 2 finished. 2 attempts, one accepted result.")
    await shown.see("shore-server", '[data-state="online"]')


@pytest.mark.long
async def test_a_job_goes_on_when_the_python_of_the_tab_is_killed(shown: DemoPage) -> None:
    await shown.ready()

    await shown.click("kill-worker-tab")

    done = '[data-shore="tab"][data-task="wait"][data-state="completed"][data-attempt="1"]'
    await shown.see("job", done, within_ms=PYTHON_MS + JOB_MS)
    told = shown.by("shore-tab").get_by_role("status")
    await expect(told).to_have_text("Finished. 2 runs, attempt 1 of the job, one accepted result.")


@pytest.mark.long
async def test_the_tab_goes_on_while_the_page_is_offline(shown: DemoPage) -> None:
    await shown.ready()

    await shown.click("go-offline")

    await expect(shown.by("go-offline")).to_have_attribute("aria-pressed", "true")
    await shown.see("shore-server", '[data-state="offline"][data-stale]')
    assert await shown.by("index-server").is_disabled()
    await shown.click("cross-tab")
    await shown.see(
        "job", '[data-shore="tab"][data-task="wait"][data-state="completed"]', within_ms=JOB_MS + 30_000
    )
    await shown.click("go-offline")
    await shown.see("shore-server", '[data-state="online"]:not([data-stale])')


@pytest.mark.long
async def test_an_index_goes_on_over_a_reload_of_the_page(shown: DemoPage) -> None:
    await shown.ready()
    await shown.click("index-tab")
    await shown.see("job", '[data-task="library.modules"]')

    await shown.page.reload()

    # Of the tab: the server's marks are there at once.
    done = shown.by("shore-tab").get_by_test_id("mark").and_(shown.page.locator('[data-state="completed"]'))
    await expect(done.first).to_be_visible(timeout=PYTHON_MS)
    numbers = await shown.numbers("tab")
    assert LEAST_MODULES <= numbers["total"] < 2 * LEAST_MODULES, "each module once"


@pytest.mark.long
async def test_jobs_can_be_cancelled_and_put_back(shown: DemoPage) -> None:
    await shown.ready()
    if await shown.by("index-tab").is_visible():
        await shown.click("index-tab")
    await shown.see("mark", '[data-state="running"]')

    await shown.click("cancel-tab")

    cancel = shown.by("cancel-tab")
    await expect(cancel).to_have_text(re.compile(r"Put [\d,]+ jobs back"))
    put_back = int(re.sub(r"\D", "", await cancel.text_content() or ""))
    await expect(shown.by("mark", '[data-state="cancelled"]')).to_have_count(put_back)
    await cancel.click()
    await expect(shown.by("mark", '[data-state="cancelled"]')).to_have_count(0, timeout=30_000)
    await shown.click("cancel-tab")


async def test_a_second_tab_follows_and_shows_the_same_job(shown: DemoPage, demo: Demo) -> None:
    await shown.ready()
    async with shown.page.context.expect_page() as opened:
        await shown.click("second-tab")
    other = DemoPage(await opened.value)
    await other.ready()

    await shown.click("cross-tab")

    await shown.see("job", '[data-shore="tab"][data-task="wait"]')
    job = await shown.data("job", "job", '[data-shore="tab"][data-task="wait"]')
    # Asked in one, because a card leaves soon after its job has ended.
    ended = f'[data-job="{job}"][data-state="completed"][data-attempt="1"]'
    await other.see("job", ended, within_ms=JOB_MS + 30_000)
    await expect(shown.by("shore-tab")).to_contain_text("Ready, leader")
    await expect(other.by("shore-tab")).to_contain_text("Ready, follower")
    assert other.page.url == demo.url
    assert await shown.by("second-tab").get_attribute("href") == demo.url
    assert other.errors == []


async def test_without_the_token_the_server_shore_says_what_to_do(
    profile: BrowserContext, demo: Demo
) -> None:
    page = await DemoPage.open(profile, demo.url)

    await page.see("error", '[data-code="unauthorized"]')

    told = await page.by("error").inner_text()
    assert "Open the address that `wherry demo` printed" in told
    await profile.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.by("error").get_by_role("button", name="Copy the error").click()
    copied = await page.js("() => navigator.clipboard.readText()")
    assert "unauthorized: " in copied
    await page.see("shore-tab", '[data-state="ready"]', within_ms=PYTHON_MS)


async def test_the_code_beside_the_jobs_is_what_ran(shown: DemoPage, demo: Demo) -> None:
    await shown.see("shore-server", '[data-state="online"]')
    await shown.page.get_by_role("button", name="library.index").click()
    source = await shown.page.request.get(f"{demo.url}py/library.py")

    code = await shown.page.get_by_role("region", name="Source of library.index").inner_text()

    assert code.startswith("@task(")
    assert code in await source.text()


async def test_a_name_is_found_where_people_import_it_from(shown: DemoPage) -> None:
    def output(module: str, names: list[str], exports: list[tuple[str, list[str]]]) -> dict[str, object]:
        named = [{"name": name, "kind": "class", "line": 1, "summary": ""} for name in names]
        complexity = {"sum": 1, "max": 1, "max_in": None}
        return {
            "module": module,
            "names": named,
            "exports": exports,
            "lines": 9,
            "complexity": complexity,
            "summary": "",
        }

    outputs = [
        output("boats.hulls", ["Hull", "Keel"], []),
        output("boats", [], [("boats.hulls", ["Hull"]), ("_knots", ["*"])]),
        output("_knots", ["Bowline"], []),
        output("zoo", [], [("boats.hulls", ["Keel"])]),
    ]
    search = """async (outputs) => {
      const { Catalogue } = await import("./catalogue.js");
      const catalogue = new Catalogue();
      outputs.forEach((output) => catalogue.add("tab", output));
      catalogue.rebuild();
      const whole = ({ foundIn, name }) => `${foundIn}.${name}`;
      const search = (text) => catalogue.search(text, null, 9).best.map(whole);
      return ["hull", "keel", "bowline", "boats keel", "boats bow", "sail"].map(search);
    }"""

    found = await shown.js(search, json.loads(json.dumps(outputs)))

    assert found == [
        ["boats.Hull", "boats.hulls.Keel"],
        ["boats.hulls.Keel"],
        ["boats.Bowline"],
        ["boats.hulls.Keel"],
        ["boats.Bowline"],
        [],
    ]
