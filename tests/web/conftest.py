"""The built site and a real Chromium for the tests of the tab.

All coroutine tests here share one event loop, because Playwright's browser lives on it.
`WHERRY_SITE` names a built site to test instead of building one.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, async_playwright

from tests.web.serving import serve
from tests.web.tab_harness import Tabs
from tools import browser as browsers
from tools import node, paths, site, wheels

HERE = Path(__file__).parent
LOG = logging.getLogger("page")

# Nothing that asks the network, and no GPU process on machines that have none.
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
FLAGS_AS_ROOT = ("--no-sandbox",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(frozen=True)
class Site:
    """The built site, served on loopback together with the pages of these tests."""

    url: str
    """Of the site's root; ends in a slash, as all addresses here."""
    manifest: dict[str, Any]

    @property
    def base(self) -> str:
        """Where `idb.js` and the others lie."""
        return f"{self.url}{self.manifest['build']}/"

    @property
    def runtime(self) -> str:
        return f"{self.base}{self.manifest['runtime']}"

    @property
    def pages(self) -> str:
        """Where the pages of these tests lie."""
        return f"{self.url}-tests/"


@pytest.fixture(scope="session")
def site_folder() -> Path:
    """The site, built if a source changed."""
    named = os.environ.get("WHERRY_SITE")
    if named:
        return Path(named).resolve()
    program = node.find()
    site.build_site(program, wheels.build_wheel(program), quality=site.QUICK)
    return paths.SITE


@pytest.fixture(scope="session")
def tab_site(site_folder: Path) -> Generator[Site]:
    manifest = json.loads((site_folder / "manifest.json").read_text())
    with serve(
        {"/": site_folder, "/-tests/": HERE / "pages", "/-static/": paths.STATIC, "/-dist/": paths.DIST}
    ) as url:
        yield Site(url, manifest)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    program = browsers.find()
    flags = [*FLAGS, *(FLAGS_AS_ROOT if os.geteuid() == 0 else ())]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser) -> AsyncGenerator[BrowserContext]:
    """A profile of its own: what a test stores is gone after it."""
    context = await chromium.new_context()
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, tab_site: Site) -> Page:
    """A blank page of the site's origin; a failed test shows what it logs."""
    return await open_page(context, tab_site)


@pytest.fixture
def tabs(context: BrowserContext, tab_site: Site) -> Tabs:
    """Opens pages that use `wherry.js`, all in one profile."""
    return Tabs(context, tab_site)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def python_page(chromium: Browser, tab_site: Site) -> AsyncGenerator[Page]:
    """One page with Python in a worker, which takes a second to start; tests leave nothing behind in it."""
    context = await chromium.new_context()
    page = await open_page(context, tab_site)
    # Handlers of the conformance cases have types, which a worker checks.
    await start_python(page, tab_site, packages=("wherry", "wherry-testing", "pydantic"))
    yield page
    await context.close()


async def start_python(
    page: Page, tab_site: Site, *, packages: Sequence[str] = ("wherry", "wherry-testing"), module: bool = True
) -> None:
    """Boot Pyodide in a worker of the page; then `python("MODULE.FUNCTION", ...)` calls pages/MODULE.py.

    Args:
        page: made by `open_page`.
        tab_site: what it was opened from.
        packages: names in the lock file, or addresses of wheels.
        module: whether `idb.js` is registered in Python as `wherry_idb`.
    """
    await page.evaluate(
        "(options) => startPython(options)", python_options(tab_site, packages, module=module)
    )


def python_options(tab_site: Site, packages: Sequence[str], *, module: bool = True) -> dict[str, Any]:
    """What `startPython` of pages/harness.js wants."""
    return {
        "runtime": tab_site.runtime,
        "base": tab_site.base,
        "packages": list(packages),
        "module": module,
        "sources": ["in_page.py", "histories.py", "opening.py"],
    }


async def open_page(context: BrowserContext, tab_site: Site, name: str = "blank.html") -> Page:
    """One more tab in the same profile, with `idb` and the other modules at hand (see pages/blank.html)."""
    page = await context.new_page()
    page.on("console", log_message)
    page.on("pageerror", log_error)
    await page.goto(f"{tab_site.pages}{name}")
    await page.evaluate("(base) => load(base)", tab_site.base)
    return page


def log_error(error: Error) -> None:
    LOG.error("uncaught: %s", error)


def log_message(message: ConsoleMessage) -> None:
    LOG.info("%s: %s", message.type, message.text)
