"""The small demos, each played once in a real browser against the real `wherry demo`."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.web.demo_harness import PYTHON_MS, Demo, running_demo
from tests.web.test_demo_look import BROKEN, NAMELESS, SMALL
from tools.paths import STATIC

DEMOS = STATIC / "demos"
NAMES = sorted(path.parent.name for path in DEMOS.glob("*/main.js"))
LOOK_MS = 30_000
JOBS_MS = 90_000
TARGET_PX = 36
"""The least height of whatever is touched on a phone; all but segments have 44."""
DROP = """({ name, text }) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  return document.body.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def demo(site_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    with running_demo(site_folder, tmp_path_factory.mktemp("demos")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def profile(chromium: Browser) -> AsyncGenerator[BrowserContext]:
    context = await chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context
    await context.close()


class Shown:
    """A small demo in a tab of its own."""

    def __init__(self, page: Page, root: str) -> None:
        self.page, self.root = page, root
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)

    async def goto(self, path: str) -> None:
        await self.page.goto(f"{self.root}{path}")

    def all(self, selector: str) -> Any:
        return self.page.locator(selector)

    async def ready(self) -> None:
        await expect(self.all("#pill")).to_have_text("Ready", timeout=PYTHON_MS)

    async def fits(self) -> None:
        """On a phone and a desktop, light and dark: nothing overflows, all can be named and touched."""
        for scheme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=scheme)
            for width, height in ((1280, 900), (390, 844)):
                await self.page.set_viewport_size({"width": width, "height": height})
                assert await self.page.evaluate("() => document.documentElement.scrollWidth") == width
        assert await self.page.evaluate(SMALL, TARGET_PX) == []
        assert await self.page.evaluate(NAMELESS) == []
        broken = {"repeated": [], "skipped": [], "lost": [], "styled": 0}
        assert await self.page.evaluate(BROKEN) == broken

    async def shows_its_code(self, *files: Path) -> None:
        """Word for word what runs, of each file."""
        for file in files:
            await self.all(f"[data-file='{file.name}']").click()
            await expect(self.all(".code-block")).to_have_attribute("aria-label", f"Source of {file.name}")
            shown = await self.all(".code-block").text_content()
            assert shown == file.read_text().rstrip().replace("// @ts-check\n", "")


@pytest_asyncio.fixture(loop_scope="session")
async def shown(profile: BrowserContext, demo: Demo) -> AsyncGenerator[Shown]:
    """A page; at its end nothing was told to the console."""
    one = Shown(await profile.new_page(), demo.url.replace("/demo/", "/demos/"))
    yield one
    await one.page.close()
    assert one.errors == []


async def test_the_index_leads_to_every_demo(shown: Shown, demo: Demo) -> None:
    await shown.page.goto(demo.address)
    await shown.all("[data-testid='small-demos']").click()

    await expect(shown.all("h1")).to_have_text("Six small demos, one idea each")
    links = await shown.page.eval_on_selector_all(
        ".card", "(all) => all.map((one) => one.getAttribute('href'))"
    )
    assert sorted(links) == [f"{name}/" for name in NAMES]
    await expect(shown.all("nav a")).to_have_count(len(NAMES) + 1)
    await shown.fits()


@pytest.mark.long
async def test_the_queue_goes_on_over_a_reload(shown: Shown) -> None:
    await shown.goto("queue/")
    await expect(shown.all("#run")).to_be_enabled(timeout=LOOK_MS)
    await shown.all("#run").press("Enter")
    await shown.all(".cell[data-state=completed]").first.wait_for(timeout=PYTHON_MS)

    await shown.all("#reload").click()

    told = shown.all("#told")
    await expect(told).to_contain_text("4,228,658 primes below 72,000,000", timeout=JOBS_MS)
    await expect(shown.all(".cell").first).to_have_text("216,816")
    await shown.shows_its_code(DEMOS / "queue/main.js", DEMOS / "queue/tasks.py")
    await shown.fits()


@pytest.mark.long
async def test_a_second_tab_takes_over_from_the_first(shown: Shown) -> None:
    await shown.goto("tabs/")
    await expect(shown.all("#role")).to_have_text(
        "This is Aith. It leads: Python runs in this tab.", timeout=LOOK_MS
    )
    async with shown.page.context.expect_page() as opened:
        await shown.all("#second").click()
    other = Shown(await opened.value, shown.root)
    await expect(other.all("#role")).to_have_text(
        "This is Brora. It follows: Python runs in another tab.", timeout=LOOK_MS
    )

    await other.all("#run").click()
    await other.all("tr[data-state=completed][data-ran-in=Aith]").first.wait_for(timeout=PYTHON_MS)
    await shown.page.close()

    await expect(other.all("#role")).to_have_text(
        "This is Brora. It leads: Python runs in this tab.", timeout=LOOK_MS
    )
    await expect(other.all("tr[data-state=completed]")).to_have_count(12, timeout=PYTHON_MS)
    assert await other.all("tr[data-ran-in=Brora]").count() > 0
    await other.shows_its_code(DEMOS / "tabs/main.js", DEMOS / "tabs/tasks.py")
    await other.fits()
    assert other.errors == []
    await other.page.close()


@pytest.mark.long
async def test_jobs_run_on_the_server(shown: Shown, demo: Demo) -> None:
    await shown.goto(f"server/#token={demo.token}")
    await expect(shown.all("#pill")).to_have_text("Connected", timeout=LOOK_MS)

    await shown.all("#run").click()

    await expect(shown.all("tr[data-state=completed]")).to_have_count(12, timeout=JOBS_MS)
    await expect(shown.all("#told")).to_have_text(
        re.compile(r"^[\d,]+ lines measured; every result was here")
    )
    assert "#" not in shown.page.url
    await expect(shown.all("tbody tr").first).to_contain_text("demo-1")
    await shown.fits()


async def test_a_dropped_table_becomes_a_chart(shown: Shown) -> None:
    await shown.goto("csv/")
    await shown.all("#sample").click()
    await expect(shown.all(".chart rect")).to_have_count(16, timeout=PYTHON_MS)

    text = "port;depth\nWick;3.5\nAith;4.5\nJura;7\n"
    assert await shown.page.evaluate(DROP, {"name": "ports.csv", "text": text}) is False

    await expect(shown.all("#chart tbody tr")).to_have_count(1, timeout=JOBS_MS)
    await expect(shown.all("#chart tbody tr")).to_have_text("depth3.54.557")
    await expect(shown.all(".chart svg")).to_have_attribute(
        "aria-label", re.compile("depth: .* near 4.5, from 3.5 to 7")
    )
    await shown.page.evaluate(DROP, {"name": "words.txt", "text": "no\nnumbers\n"})
    await expect(shown.all("#problem")).to_contain_text("words.txt has no column of numbers", timeout=LOOK_MS)
    await shown.shows_its_code(DEMOS / "csv/main.js", DEMOS / "csv/tasks.py")
    await shown.fits()


@pytest.mark.long
async def test_a_long_job_is_watched_paused_and_stopped(shown: Shown) -> None:
    await shown.goto("long/")
    await expect(shown.all("#run")).to_be_enabled(timeout=LOOK_MS)
    await shown.all("#run").click()
    first, last = shown.all("#legs li").first, shown.all("#legs li").last
    await expect(first).to_contain_text(re.compile(r"[\d,]+ needs \d+ steps"), timeout=PYTHON_MS)
    assert float(await first.locator("progress").get_attribute("value") or 0) > 0

    await shown.all("#pause").click()
    await expect(shown.all("#pause")).to_have_text("Resume the queue", timeout=LOOK_MS)
    await expect(last).to_contain_text("paused", timeout=LOOK_MS)
    await shown.all("#pause").click()
    await expect(shown.all("#pause")).to_have_text("Pause the queue", timeout=LOOK_MS)
    await shown.all("#cancel").click()

    await expect(shown.all("#legs li[data-state=cancelled]")).to_have_count(3, timeout=JOBS_MS)
    await expect(first).to_contain_text(re.compile(r"stopped at [\d,]+"), timeout=LOOK_MS)
    await expect(last).to_contain_text("never started", timeout=LOOK_MS)
    await shown.shows_its_code(DEMOS / "long/main.js", DEMOS / "long/tasks.py")
    await shown.fits()


@pytest.mark.long
async def test_a_kept_page_works_without_the_network(shown: Shown) -> None:
    await shown.goto("offline/")
    await shown.all("#keep").click()
    await expect(shown.all("#kept")).to_contain_text("kept:", timeout=JOBS_MS)

    await shown.page.context.set_offline(True)
    await shown.page.reload()
    await shown.all("#run").click()

    await expect(shown.all("#plans li")).to_have_text(
        "Wick to Bergen282 sea miles, course 62°, 51.2 h at 5.5 kn", timeout=PYTHON_MS
    )
    await expect(shown.all("#network")).to_contain_text("none")
    await shown.shows_its_code(DEMOS / "offline/main.js", DEMOS / "offline/tasks.py")
    await shown.fits()
    await shown.page.context.set_offline(False)
