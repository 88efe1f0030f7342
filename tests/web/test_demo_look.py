"""How the demo page looks and behaves for people: widths, contrast, names of controls, themes, states."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from tests.web.demo_harness import Demo, DemoPage, running_demo
from tools.paths import STATIC

WIDTHS = (390, 768, 1280, 1440)
TEXT, MARK = 4.5, 3.0
"""The least contrast of text, and of marks that carry meaning."""
GROUNDS = ("paper", "surface", "raised", "sunken")
TEXTS = [
    *(
        (ink, ground)
        for ink in ("ink", "ink-soft", "water", "rust", "moss-ink", "sand-ink")
        for ground in GROUNDS
    ),
    *((ink, "water-tint") for ink in ("ink", "ink-soft", "water")),
    ("moss-ink", "moss-tint"),
    ("sand-ink", "sand-tint"),
    ("ink", "rust-tint"),
    ("ink-soft", "rust-tint"),
    ("rust", "rust-tint"),
    ("on-signal", "signal-fill"),
    ("on-signal", "signal-fill-over"),
]
MARKS = [(mark, "surface") for mark in ("water", "moss", "rust", "sand-mark", "signal", "fog-strong")]

NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, [tabindex='0'], [role=listbox]")]
  .filter((element) => element.checkVisibility() && element.type !== "file")
  .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim()
    || element.labels?.length || document.getElementById(element.getAttribute("aria-labelledby"))))
  .map((element) => element.outerHTML.slice(0, 120))"""
SMALL = """(least) => [...document.querySelectorAll("button, a[href], input, label.button")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }))
  .filter((element) => !element.matches(".skip, .visually-hidden"))
  .map((element) => [element.textContent.trim(), element.getBoundingClientRect().height])
  .filter(([, height]) => height < least)"""
BROKEN = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((element) => Number(element.tagName[1]));
  const pointing = ["aria-labelledby", "aria-controls", "for"].flatMap((name) =>
    [...document.querySelectorAll(`[${name}]`)].map((element) => element.getAttribute(name)));
  return {
    repeated: ids.filter((id, at) => ids.indexOf(id) !== at),
    skipped: levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1),
    lost: pointing.filter((id) => !document.getElementById(id)),
    styled: [...document.querySelectorAll("[onclick], [onload], script:not([src]), style")].length,
  };
}"""


@pytest.fixture(scope="module")
def demo(site_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    with running_demo(site_folder, tmp_path_factory.mktemp("look")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(chromium: Browser, demo: Demo) -> AsyncGenerator[DemoPage]:
    """The page once it knows its server; the tab's Python may still be starting."""
    context = await chromium.new_context()
    page = await DemoPage.open(context, demo.address)
    await page.see("shore-server", '[data-state="online"][data-loaded]')
    await page.see("shore-tab", "[data-loaded]")
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def shown(opened: DemoPage) -> AsyncGenerator[DemoPage]:
    """The same page for all, put back to an ordinary screen."""
    await opened.page.set_viewport_size({"width": 1280, "height": 800})
    await opened.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    yield opened
    assert opened.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_have_contrast(theme: str) -> None:
    colours = {
        name: pair[theme == "dark"]
        for name, *pair in re.findall(
            r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (STATIC / "tokens.css").read_text()
        )
    }

    weak = {
        (ink, ground): round(contrast(colours[ink], colours[ground]), 2)
        for pairs, least in ((TEXTS, TEXT), (MARKS, MARK))
        for ink, ground in pairs
        if contrast(colours[ink], colours[ground]) < least
    }

    assert weak == {}


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2 between two colours such as `#2f6f8f`."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_colours_are_named_once_and_nowhere_else() -> None:
    hard_coded = {
        f"{path.name}: {found}"
        for path in STATIC.glob("demo*/*.css")
        for found in re.findall(r"#[0-9a-f]{3,8}\b|\brgba?\([^)]*\)|\bhsl\w*\(", path.read_text())
        # Black in a mask is no colour: it says how much is seen.
        if found not in ("#000", "rgb(0 0 0 / 35%)")
    }

    assert hard_coded == set()


@pytest.mark.parametrize("width", WIDTHS)
async def test_nothing_sticks_out_sideways(shown: DemoPage, width: int) -> None:
    await shown.page.set_viewport_size({"width": width, "height": 844})

    assert await shown.js("() => document.documentElement.scrollWidth") == width
    tops = await shown.js("() => [...document.querySelectorAll('.shore')].map((one) => one.offsetTop)")
    assert (tops[0] == tops[1]) is (width >= 900), "two shores side by side from 900 px, one column below"


async def test_controls_are_large_enough_for_a_finger(shown: DemoPage) -> None:
    await shown.page.set_viewport_size({"width": 390, "height": 844})

    # Segments and suggestions stand in rows with room around them.
    small = await shown.js(SMALL, 36)
    assert small == []
    essential = await shown.js(SMALL, 44)
    assert {name for name, _ in essential} <= {
        "Both shores",
        "This tab",
        "Server",
        "library.index",
        "file.statistics",
        "wait",
    }


async def test_every_control_has_a_name_and_every_id_is_one(shown: DemoPage) -> None:
    assert await shown.js(NAMELESS) == []
    assert await shown.js(BROKEN) == {"repeated": [], "skipped": [], "lost": [], "styled": 0}


async def test_the_focus_is_seen_on_every_control(shown: DemoPage) -> None:
    outline = """() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return `${outlineStyle} ${outlineWidth}`;
    }"""
    seen: set[str] = set()
    for _ in range(12):
        await shown.page.keyboard.press("Tab")
        seen.add(await shown.js(outline))

    assert seen == {"solid 2px"}


async def test_the_theme_is_chosen_and_remembered(shown: DemoPage) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = await shown.js(ground)
    theme = shown.page.locator("#theme")

    await theme.click()
    await theme.click()

    await expect(theme).to_have_text("Theme: dark")
    dark = await shown.js(ground)
    assert dark != light
    await shown.page.reload()
    assert await shown.js(ground) == dark
    await theme.click()
    assert await shown.js(ground) == light


async def test_nothing_moves_for_those_who_ask_for_it(shown: DemoPage) -> None:
    await shown.page.emulate_media(reduced_motion="reduce")

    moving = await shown.js(
        """() => [...document.querySelectorAll("*")].filter((element) => {
          const style = getComputedStyle(element);
          return style.animationName !== "none" || !/^(0s(, )?)+$/.test(style.transitionDuration);
        }).map((element) => element.className)"""
    )

    assert moving == []


async def test_an_empty_index_tells_the_next_step(shown: DemoPage) -> None:
    index = shown.page.get_by_role("region", name="The index")

    await expect(index).to_contain_text("Nothing is indexed yet.")
    await expect(index.get_by_role("button", name="Index the standard library")).to_be_visible()
    assert await shown.by("search").is_disabled()


async def test_a_page_that_waits_for_its_server_shows_its_outline(chromium: Browser, demo: Demo) -> None:
    context = await chromium.new_context()
    await context.route("**/api/**", lambda _route: None)
    page = await DemoPage.open(context, demo.address)

    await page.see("shore-server", '[data-state="connecting"]')

    assert await page.by("shore-server").get_attribute("data-loaded") is None
    assert await page.page.locator(".skeleton-row").count() > 0
    assert page.errors == []
    await context.unroute_all(behavior="ignoreErrors")
    await context.close()


async def test_a_runtime_in_the_making_is_told_and_the_server_works(chromium: Browser, demo: Demo) -> None:
    async def building(route: Route) -> None:
        answer = await (await route.fetch()).json()
        answer["site"]["state"] = "building"
        await route.fulfill(json=answer)

    context = await chromium.new_context()
    await context.route("**/api/demo/status", building)
    page = await DemoPage.open(context, demo.address)

    await page.see("shore-tab", '[data-state="building"]')
    await page.see("shore-server", '[data-state="online"][data-loaded]')

    await expect(page.by("shore-tab")).to_contain_text("The runtime for tabs is being made")
    assert await page.by("index-tab").is_disabled()
    assert await page.by("index-server").is_enabled()
    await context.unroute_all(behavior="ignoreErrors")
    await page.see("shore-tab", '[data-state="booting"]')
    await context.close()


async def test_a_server_without_the_runtime_says_how_to_get_it(chromium: Browser, demo: Demo) -> None:
    async def absent(route: Route) -> None:
        answer = await (await route.fetch()).json()
        answer["site"] |= {"state": "absent", "remedy": "Run `python3 build.py site`."}
        await route.fulfill(json=answer)

    context = await chromium.new_context()
    await context.route("**/api/demo/status", absent)
    page = await DemoPage.open(context, demo.address)

    await page.see("shore-tab", '[data-state="absent"]')

    await page.see("error", '[data-code="runtime_absent"]')
    await expect(page.by("error")).to_contain_text("Run `python3 build.py site`.")
    await context.unroute_all(behavior="ignoreErrors")
    await context.close()
