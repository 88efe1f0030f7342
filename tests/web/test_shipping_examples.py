"""The examples that ship a site, each in a real browser, and `micropip.install` in a bare Pyodide page."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import shutil
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.web.conftest import Site
from tests.web.serving import serve
from tests.web.tab_harness import log_error, log_message
from tests.web.tab_sites import Oddity, odd_site
from tools import paths

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
POLICY = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"


def shown_in(page: Page) -> Page:
    page.on("console", log_message)
    page.on("pageerror", log_error)
    return page


def with_site(example: str, site_folder: Path, folder: Path) -> Path:
    """A copy of an example with a site around it, as `wherry site` makes it."""
    shutil.copytree(EXAMPLES / example, folder)
    build = json.loads((site_folder / "manifest.json").read_text())["build"]
    # Links of the hard kind: Starlette hands out nothing that lies elsewhere.
    shutil.copytree(site_folder / build, folder / build, copy_function=os.link)
    for name in ("wherry.js", "manifest.json", "service-worker.js"):
        os.link(site_folder / name, folder / name)
    return folder


def bring_tasks(folder: Path, tab_site: Site, module: str) -> None:
    """What `--tasks` makes of wherry.js: pages need not name their modules."""
    (folder / "wherry.js").unlink()
    build = tab_site.manifest["build"]
    (folder / "wherry.js").write_text(
        f'export * from "./{build}/wherry.js";\n'
        f'import {{ open as openQueue }} from "./{build}/wherry.js";\n'
        f'const tasks = [new URL("{module}", import.meta.url).href];\n'
        "export const open = (given) =>\n"
        "  openQueue(/^indexeddb:/.test(given.url) ? { tasks, ...given } : given);\n"
    )


async def test_the_plain_page_runs_under_the_promised_policy(
    context: BrowserContext, site_folder: Path, tab_site: Site, tmp_path: Path
) -> None:
    folder = with_site("plain-html", site_folder, tmp_path / "plain")
    bring_tasks(folder, tab_site, "./jobs.py")
    with odd_site(folder, tab_site.manifest, Oddity(headers={"Content-Security-Policy": POLICY})) as site:
        page = shown_in(await context.new_page())
        await page.goto(f"{site.url}index.html")

        await page.get_by_role("button", name="Count").click()

        await expect(page.locator("#result")).to_contain_text('"row": 3', timeout=60_000)


@pytest.mark.long
async def test_pyscript_runs_the_queue_in_its_own_interpreter(
    context: BrowserContext, site_folder: Path, tmp_path: Path
) -> None:
    folder = with_site("pyscript", site_folder, tmp_path / "py")
    (folder / "pyscript").symlink_to(paths.NODE_MODULES / "@pyscript" / "core" / "dist")
    with serve({"/": folder}) as url:
        page = shown_in(await context.new_page())
        await page.goto(f"{url}index.html")

        await expect(page.locator("#result")).to_have_text("3", timeout=90_000)


@pytest.mark.long
async def test_a_starlette_app_serves_both_shores(
    context: BrowserContext,
    site_folder: Path,
    tab_site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from wherry_server.serving import serving

    folder = tmp_path / "app"
    shutil.copytree(EXAMPLES / "starlette", folder)
    shutil.rmtree(folder / "public")
    with_site("starlette/public", site_folder, folder / "public")
    shutil.copy(folder / "jobs.py", folder / "public")
    bring_tasks(folder / "public", tab_site, "./jobs.py")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("WHERRY_TOKEN", raising=False)
    with imported("app", "jobs") as app:
        async with serving(app.app) as address:
            page = shown_in(await context.new_page())
            response = await page.goto(f"{address.url}/")

            await expect(page.locator("#server")).to_have_text("3", timeout=60_000)
            await expect(page.locator("#tab")).to_have_text("3", timeout=60_000)
            assert response
            assert "wasm-unsafe-eval" in response.headers["content-security-policy"]
            build = f"{address.url}/{tab_site.manifest['build']}"
            script = await page.request.get(f"{build}/wherry.js", headers={"Accept-Encoding": "br"})
            wasm = await page.request.head(
                f"{build}/runtime/pyodide.asm.wasm", headers={"Accept-Encoding": "br"}
            )
            worker = await page.request.get(f"{address.url}/service-worker.js")
    assert "immutable" in script.headers["cache-control"]
    assert (wasm.headers["content-encoding"], wasm.headers["content-type"]) == ("br", "application/wasm")
    assert (worker.headers["cache-control"], worker.headers["service-worker-allowed"]) == ("no-cache", "/")


@contextlib.contextmanager
def imported(name: str, *others: str) -> Generator:
    """An example's module, forgotten afterwards."""
    import importlib

    try:
        yield importlib.import_module(name)
    finally:
        for one in (name, *others):
            sys.modules.pop(one, None)


# --- micropip --------------------------------------------------------------------------------------------
BARE = """async ([base, micropip]) => {
    const { loadPyodide } = await import(`${base}pyodide/pyodide.mjs`);
    const pyodide = await loadPyodide();
    await pyodide.loadPackage(micropip);
    pyodide.globals.set("index", `${base}simple/{package_name}/`);
    return pyodide.runPythonAsync(PYTHON);
}"""
INSTALL = """
import sys, micropip
await micropip.install("wherry", index_urls=[index])
from wherry import Client, Server, open_storage, task

@task(name="text.count")
async def count_words(text: str) -> int:
    return len(text.split())

counts = []
for url in ("memory:", "indexeddb:bare"):
    async with open_storage(url) as storage, Server(storage, [count_words]) as server:
        client = Client(storage)
        client.attach(server)
        counts.append(await (await client.submit(count_words, "one two three")).result())

from pyodide.ffi import to_js
servers = {"starlette", "uvicorn", "typer", "rich", "httpx"} & set(sys.modules)
to_js([counts, sorted(servers)])
"""


def write_index(folder: Path) -> list[str]:
    """A package index of wherry's wheel and those of the runtime; returns micropip's own files."""
    wheels = [*paths.DIST.glob("wherry-*.whl"), *paths.WHEELS.glob("*.whl")]
    for wheel in wheels:
        name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        place = folder / "simple" / name
        place.mkdir(parents=True, exist_ok=True)
        os.link(wheel, place / wheel.name)
        link = html.escape(wheel.name)
        (place / "index.html").write_text(
            f'<!doctype html><html><body><a href="{link}">{link}</a></body></html>'
        )
    return [
        f"simple/{wheel.name.split('-')[0]}/{wheel.name}"
        for wheel in wheels
        if wheel.name.startswith(("micropip-", "packaging-"))
    ]


@pytest.mark.long
async def test_micropip_installs_wherry_in_a_bare_pyodide_page(
    context: BrowserContext, site_folder: Path, tmp_path: Path
) -> None:
    own = write_index(tmp_path)
    (tmp_path / "bare.html").write_text("<!doctype html><title>bare</title><link rel=icon href='data:,'>")
    (tmp_path / "pyodide").symlink_to(paths.NODE_MODULES / "pyodide")
    with serve({"/": tmp_path}) as url:
        page = shown_in(await context.new_page())
        await page.goto(f"{url}bare.html")

        code = BARE.replace("PYTHON", repr(INSTALL))
        counts, servers = await page.evaluate(code, [url, [url + name for name in own]])

    assert counts == [3, 3]
    assert servers == []
