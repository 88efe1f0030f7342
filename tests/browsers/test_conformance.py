"""The storage contract over IndexedDB in engines that are not Chromium, run as in `tests/web`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.browsers.driver import Engine, Page
from tests.web.conftest import Site, python_options
from wherry.testing.conformance import CASES


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def python_page(engine: Engine, tab_site: Site) -> AsyncGenerator[Page]:
    """One page with Python in a worker; the cases leave nothing behind in it."""
    page = await engine.new_page()
    await page.goto(f"{tab_site.pages}blank.html")
    await page.evaluate("(base) => load(base)", tab_site.base)
    packages = ("wherry", "wherry-testing", "pydantic")
    await page.evaluate("(options) => startPython(options)", python_options(tab_site, packages))
    yield page
    await page.close()


@pytest.mark.parametrize("name", CASES)
async def test_conformance(python_page: Page, name: str) -> None:
    failure = await python_page.evaluate("(name) => python('in_page.run_case', name)", name)

    assert not failure, failure


@pytest.mark.parametrize("seed", range(2))
async def test_a_random_history_has_the_answers_of_the_memory_storage(python_page: Page, seed: int) -> None:
    failure = await python_page.evaluate("(seed) => python('histories.compare', seed, 150)", seed)

    assert not failure, failure
