"""A seed of the simulator is the same run in the tab's Python as in this one, which is another version."""

from __future__ import annotations

import json

from playwright.async_api import Page

from wherry.testing.simulate import simulate

SEEDS = 40


async def test_seeds_run_alike_in_the_page(python_page: Page) -> None:
    there = json.loads(await python_page.evaluate("(count) => python('in_page.run_seeds', count)", SEEDS))

    assert there == [simulate(seed, workers=2, clients=1, jobs=4).digest for seed in range(SEEDS)]
