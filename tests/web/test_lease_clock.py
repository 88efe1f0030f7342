"""When a tab's worker renews its leases (B4, R3): each third of a lease, not at every hint."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.web.conftest import Site

LEASE_MS = 9_000
PLAY = """async ([module, leaseMs, steps]) => {
    const { LeaseClock } = await import(module);
    const clock = new LeaseClock(leaseMs);
    clock.start(0);
    return steps.map(({ at, hinted, claimed }) => {
        if (hinted) clock.hint();
        return clock.due(claimed.map((claimedMs) => ({ claimedMs })), at).map(({ claimedMs }) => claimedMs);
    });
}"""


async def due(page: Page, site: Site, *steps: dict[str, Any]) -> list[list[int]]:
    """At each step, when those were claimed whose leases are due."""
    return await page.evaluate(PLAY, [f"{site.url}-static/lease-clock.js", LEASE_MS, steps])


def at(ms: int, *claimed: int, hinted: bool = False) -> dict[str, Any]:
    return {"at": ms, "hinted": hinted, "claimed": claimed}


async def test_all_leases_are_due_after_a_third_of_one(page: Page, tab_site: Site) -> None:
    found = await due(
        page, tab_site, at(2_999, 0), at(3_000, 0, 2_950), at(3_001, 0, 2_950), at(6_000, 0, 2_950)
    )

    assert found == [[], [0, 2_950], [], [0, 2_950]]


async def test_a_hint_makes_those_due_that_are_not_new(page: Page, tab_site: Site) -> None:
    found = await due(page, tab_site, at(900, 0, 850), at(900, 0, 850, hinted=True))

    assert found == [[], [0]]


async def test_what_was_new_at_a_hint_has_its_turn_if_it_lasts(page: Page, tab_site: Site) -> None:
    found = await due(
        page, tab_site, at(900, 850, hinted=True), at(1_000, 850), at(1_100, 850), at(1_300, 850)
    )

    assert found == [[], [], [850], []]


async def test_a_busy_worker_renews_nothing_for_its_own_hints(page: Page, tab_site: Site) -> None:
    # A call every 40 ms, and jobs that are done within 100.
    found = await due(
        page, tab_site, *(at(ms, ms - 100, ms - 50, hinted=True) for ms in range(100, 2_900, 40))
    )

    assert not any(found)


async def test_hints_are_followed_five_times_a_second_at_most(page: Page, tab_site: Site) -> None:
    found = await due(page, tab_site, *(at(ms, 0, hinted=True) for ms in range(300, 1_300, 20)))

    assert sum(map(len, found)) == 5
