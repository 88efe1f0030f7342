"""After the first visit a site needs no network, and each build's copy goes with its last page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.web.conftest import Site
from tests.web.serving import serve
from tests.web.tab_harness import Tab, Tabs, log_error, log_message

PAGES = Path(__file__).parent / "pages"
UNTIL_KEPT = """async (wanted) => {
    const next = () => new Promise((wake) => setTimeout(wake, 20));
    while (JSON.stringify(await kept()) !== JSON.stringify(wanted)) await next();
}"""
DELETE = """new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase('wherry:tests');
    request.onsuccess = resolve;
    request.onerror = reject;
})"""
TOLD = """
    await new Promise((told) => (seen.events.length ? told() : queue.on('evicted', told)));
    return queue.status().evicted;
"""
LOADED = "performance.getEntriesByType('resource').map(({ name }) => name)"
USE = "(base) => import(`${base}wherry.js`).then(({ storageUse }) => storageUse())"


@pytest.fixture
def folder(site_folder: Path, tab_site: Site, tmp_path: Path) -> Path:
    """A site with a page of its own; the build is that of all tests."""
    own = tmp_path / "site"
    own.mkdir()
    for name in ("wherry.js", "manifest.json", "service-worker.js"):
        shutil.copy(site_folder / name, own)
    for name in ("offline.html", "offline.js", "py/jobs.py"):
        shutil.copy(PAGES / name, own)
    (own / tab_site.manifest["build"]).symlink_to(site_folder / tab_site.manifest["build"])
    return own


def publish(folder: Path, build: str) -> None:
    """Put a newer build beside the one that is there."""
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / build).symlink_to((folder / manifest["build"]).resolve())
    (folder / "wherry.js").write_text(f'export * from "./{build}/wherry.js";\n')
    manifest |= {"build": build, "base": f"./{build}/"}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@contextmanager
def served(folder: Path) -> Generator[str]:
    """The site below a path; yields the address of its page."""
    with serve({"/app/": folder, "/": folder / "nowhere"}) as url:
        yield f"{url}app/offline.html"


async def visit(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    page.on("console", log_message)
    page.on("pageerror", log_error)
    await page.goto(url)
    await expect(page).to_have_title("open", timeout=30_000)
    return page


async def test_the_second_visit_runs_jobs_without_a_server(context: BrowserContext, folder: Path) -> None:
    with served(folder) as url:
        first = await visit(context, url)
        state = await first.evaluate("keep()")
        assert await first.evaluate("run('with')") == "with"
        await first.close()
    await context.set_offline(True)

    second = await visit(context, f"{url}?from=elsewhere#here")

    assert (state["update"], state["build"]) == (False, state["newest"])
    assert await second.evaluate("run('without')") == "without"
    assert await second.evaluate("queue.status().online") is False
    assert await second.evaluate("queue.count({}, 'state')") == {"completed": 2}


@pytest.mark.long
async def test_a_builds_copy_goes_with_its_last_page(context: BrowserContext, folder: Path) -> None:
    newer = "0123456789abcdef"
    with served(folder) as url:
        old = await visit(context, url)
        first = (await old.evaluate("keep()"))["build"]
        publish(folder, newer)
        new = await visit(context, url)

        state = await new.evaluate("keep()")

        assert (state["build"], state["update"]) == (newer, False)
        assert await new.evaluate("kept()") == [first, newer]
        assert (await old.evaluate("keep()"))["update"] is True
        assert len(await old.evaluate("updates")) == 1
        await old.close()
        await new.evaluate(UNTIL_KEPT, [newer])


@pytest.mark.long
async def test_a_build_that_is_not_whole_does_not_replace_the_last_one(
    context: BrowserContext, folder: Path
) -> None:
    with served(folder) as url:
        page = await visit(context, url)
        first = (await page.evaluate("keep()"))["build"]
        await page.close()
        publish(folder, "0123456789abcdef")
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["offline"].append("not-there.js")
        (folder / "manifest.json").write_text(json.dumps(manifest))
        page = await visit(context, url)

        failed = await page.evaluate("keep()")

        await page.close()
    assert failed["code"] == "runtime_404"
    assert "not-there.js" in failed["message"]
    page = await visit(context, url)
    loaded = await page.evaluate(LOADED)
    assert any(first in name for name in loaded), loaded


async def test_a_page_outside_of_the_scope_is_told(context: BrowserContext, folder: Path) -> None:
    outside = folder / "outside"
    outside.mkdir()
    for name in ("offline.html", "jobs.py"):
        shutil.copy(folder / name, outside)
    script = (folder / "offline.js").read_text()
    (outside / "offline.js").write_text(script.replace("./wherry.js", "/app/wherry.js"))
    with serve({"/app/": folder, "/": outside}) as url:
        page = await visit(context, f"{url}offline.html")

        untold = await page.evaluate("keep()")
        forbidden = await page.evaluate("keep({ scope: '/' })")

    assert [untold["code"], forbidden["code"]] == ["offline_scope", "offline_scope"]
    assert "Service-Worker-Allowed" in forbidden["message"]


async def test_a_browser_without_service_workers_is_told(context: BrowserContext, folder: Path) -> None:
    await context.add_init_script("delete Navigator.prototype.serviceWorker")
    with served(folder) as url:
        page = await visit(context, url)

        assert (await page.evaluate("keep()"))["code"] == "no_service_worker"


# --- what the browser keeps ------------------------------------------------------------------------------
async def test_jobs_that_the_browser_evicted_are_told_once(tabs: Tabs) -> None:
    def options(**more: Any) -> dict[str, Any]:
        return {"tasks": (), "work": False, "url": "indexeddb:tests", **more}

    first = await tabs.open(**options())
    assert "evicted" not in await first.js("queue.status()")
    await first.close()
    cleaner = await tabs.page(f"{tabs.site.pages}blank.html")
    await cleaner.evaluate(DELETE)

    second = await tabs.open(**options())
    told = await second.js(TOLD)
    await second.close()
    third = await tabs.open(**options())

    assert told["code"] == "evicted"
    assert "submit" in told["message"]
    assert "evicted" not in await third.js("queue.status()")


async def test_storage_is_asked_to_persist_at_the_first_submit(context: BrowserContext, tabs: Tabs) -> None:
    page = await tabs.page()
    tab = Tab(page)
    await tabs.attach(tab)
    await tab.ready()
    before = await tab.js("queue.status().persisted")
    await allow_persistence(context, tabs)

    await tab.run("echo", 1)
    await tab.js("await statusIs({ persisted: true });")

    use = await page.evaluate(USE, tabs.site.base)
    assert before is False
    assert use["persisted"] is True
    assert 0 < use["used"] < use["quota"]


async def allow_persistence(context: BrowserContext, tabs: Tabs) -> None:
    """What a visitor says yes to."""
    assert context.browser
    target = await (await context.new_cdp_session(context.pages[0])).send("Target.getTargetInfo")
    session = await context.browser.new_browser_cdp_session()
    permission = {
        "permission": {"name": "persistent-storage"},
        "setting": "granted",
        "origin": tabs.site.url.rstrip("/"),
        "browserContextId": target["targetInfo"]["browserContextId"],
    }
    await session.send("Browser.setPermission", permission)
