"""Page, worker, executor, wheel and site of different versions do not talk past each other: it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext

import wherry
from tests.web.conftest import Site
from tests.web.tab_harness import STORE, Tabs
from tests.web.tab_sites import Oddity, odd_site

UNCACHED = {"Cache-Control": "no-store"}
OTHER = "9.9.9"
VERSION = {"shared.js": (f'"{wherry.__version__}"', f'"{OTHER}"')}


async def opening(tabs: Tabs) -> dict[str, Any]:
    """What `open` rejects with, or the status says once Python has failed; and the events that told it."""
    page = await tabs.page()
    options = {"url": STORE, "tasks": [f"{tabs.site.pages}py/jobs.py"]}
    opened = await page.evaluate(
        "([base, given]) => outcome(openQueue(base, given))", [tabs.site.base, options]
    )
    if "code" in opened:
        return opened
    await page.evaluate("statusIs({ python: 'failed' })")
    return await page.evaluate("({ ...queue.status().error, events: seen.events })")


def test_the_scripts_say_the_version_of_the_package() -> None:
    static = Path(__file__).parents[2] / "web" / "wherry_web" / "static"

    assert f'export const VERSION = "{wherry.__version__}";' in (static / "version.js").read_text()


@pytest.mark.parametrize(
    ("oddity", "part"),
    [
        (Oddity(headers=UNCACHED, edits=VERSION, edits_after=1), "keeper"),
        (Oddity(headers=UNCACHED, edits=VERSION, edits_after=2), "Python's worker"),
        (
            Oddity(
                edits={"pyodide-lock.json": (f'"version": "{wherry.__version__}"', f'"version": "{OTHER}"')}
            ),
            "Python package",
        ),
    ],
)
async def test_parts_of_another_version_ask_for_a_reload(
    context: BrowserContext, site_folder: Path, tab_site: Site, oddity: Oddity, part: str
) -> None:
    with odd_site(site_folder, tab_site.manifest, oddity) as site:
        error = await opening(Tabs(context, site))

    assert error["code"] == "reload_needed"
    assert f"{part} is {OTHER}" in error["message"]
    assert error.get("events", ["update"]) == ["update"]


@pytest.mark.parametrize("missing", ["/executor.js", "pyodide.asm.wasm"])
async def test_a_build_that_the_server_no_longer_has_asks_for_a_reload(
    context: BrowserContext, site_folder: Path, tab_site: Site, missing: str
) -> None:
    build = tab_site.manifest["build"]
    oddity = Oddity(missing=[missing], edits={"manifest.json": (build, "0123456789abcdef")})
    with odd_site(site_folder, tab_site.manifest, oddity) as site:
        error = await opening(Tabs(context, site))

    assert (error["code"], error["events"]) == ("reload_needed", ["update"])
    assert "build 0123456789abcdef" in error["message"]
