"""The storage contract over IndexedDB: Python in a worker of a real Chromium runs the shared cases."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from wherry.testing.conformance import CASES


@pytest.mark.parametrize("name", CASES, ids=[f"indexeddb-{name}" for name in CASES])
async def test_conformance(python_page: Page, name: str) -> None:
    failure = await python_page.evaluate("(name) => python('in_page.run_case', name)", name)

    assert not failure, failure


@pytest.mark.parametrize("seed", range(8))
async def test_a_random_history_has_the_answers_of_the_memory_storage(python_page: Page, seed: int) -> None:
    failure = await python_page.evaluate("(seed) => python('histories.compare', seed, 150)", seed)

    assert not failure, failure
