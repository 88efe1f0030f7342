"""The errors that a newcomer meets: each has a code and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.web.conftest import Site
from tests.web.tab_harness import STORE, Tab, Tabs
from tests.web.tab_sites import PAGES, Oddity, odd_site

POLICY = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"

OpenSite = Callable[[Oddity], AbstractContextManager[Site]]


@pytest.fixture
def odd(site_folder: Path, tab_site: Site) -> OpenSite:
    """Serves the built site wrongly."""
    return partial(odd_site, site_folder, tab_site.manifest)


async def failure(tabs: Tabs, **options: Any) -> dict[str, Any]:
    """Why Python does not run, in a tab whose queue opens; a submit is refused for the same reason."""
    tab = await tabs.open(**options)
    status = await tab.js("statusIs({ python: 'failed' })")
    submitted = await tab.outcome("queue.submit('echo', 1)")
    assert submitted["code"] == status["error"]["code"]
    return status["error"]


async def refused(tabs: Tabs, page: Page, **options: Any) -> dict[str, Any]:
    """Why `open` rejects."""
    return await page.evaluate(
        "([base, given]) => outcome(openQueue(base, given))", [tabs.site.base, {"url": STORE, **options}]
    )


# --- how the site is served ------------------------------------------------------------------------------
async def test_a_policy_without_wasm_is_named(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(headers={"Content-Security-Policy": "script-src 'self'"})) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "csp_blocks_wasm"
    assert "'wasm-unsafe-eval'" in error["message"]


async def test_the_promised_policy_is_enough(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(headers={"Content-Security-Policy": POLICY}, everywhere=True)) as site:
        page = await context.new_page()
        await page.goto(f"{site.pages}alone.html?base={site.base}&task={site.pages}py/jobs.py")

        await expect(page).to_have_title("done", timeout=60_000)


async def test_a_policy_without_workers_is_named(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(headers={"Content-Security-Policy": "worker-src 'none'"}, everywhere=True)) as site:
        tabs = Tabs(context, site)
        error = await refused(tabs, await tabs.page())

    assert error["code"] == "script_blocked"
    assert "worker-src" in error["message"]


@pytest.mark.parametrize(
    "name", ["pyodide-lock.json", "pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip"]
)
async def test_a_missing_file_of_the_runtime_is_named(
    context: BrowserContext, odd: OpenSite, name: str
) -> None:
    with odd(Oddity(missing=[name])) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "runtime_404"
    assert name in error["message"]


async def test_a_missing_wheel_of_the_runtime_is_named(
    context: BrowserContext, odd: OpenSite, tab_site: Site
) -> None:
    with odd(Oddity(missing=[tab_site.manifest["wheel"]])) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "runtime_404"
    assert "wherry" in error["message"]


async def test_a_missing_script_is_named(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(missing=["/keeper.js"])) as site:
        tabs = Tabs(context, site)
        error = await refused(tabs, await tabs.page())

    assert error["code"] == "runtime_404"
    assert "keeper.js" in error["message"]


async def test_a_missing_script_of_the_leader_is_named(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(missing=["/keeper-leader.js"])) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "runtime_404"
    assert "keeper-leader.js" in error["message"]


async def test_webassembly_of_the_wrong_type_is_named(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(types={".wasm": "application/octet-stream"})) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "wrong_mime"
    assert "application/wasm" in error["message"]


async def test_a_wheel_of_another_build_is_named(
    context: BrowserContext, odd: OpenSite, tab_site: Site
) -> None:
    with odd(Oddity(replaced=[tab_site.manifest["wheel"]])) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "runtime_damaged"
    assert tab_site.manifest["wheel"] in error["message"]


@pytest.mark.parametrize("name", ["keeper.js", "executor.js", "pyodide.mjs"])
async def test_a_script_of_the_wrong_type_is_named(context: BrowserContext, odd: OpenSite, name: str) -> None:
    with odd(Oddity(types={f"/{name}": "text/plain"})) as site:
        tabs = Tabs(context, site)
        refuses = name == "keeper.js"
        error = await (refused(tabs, await tabs.page()) if refuses else failure(tabs))

    assert error["code"] == "wrong_mime"
    assert name in error["message"]
    assert "text/javascript" in error["message"]


async def test_a_web_page_instead_of_a_file_is_named(context: BrowserContext, odd: OpenSite) -> None:
    with odd(Oddity(pages_for=["pyodide-lock.json"])) as site:
        error = await failure(Tabs(context, site))

    assert error["code"] == "wrong_mime"
    assert "pyodide-lock.json" in error["message"]


async def test_wherry_from_another_origin_is_refused(tabs: Tabs, odd: OpenSite) -> None:
    with odd(Oddity(headers={"Access-Control-Allow-Origin": "*"})) as site:
        page = await tabs.page()
        error = await refused(Tabs(tabs.context, site), page)

    assert error["code"] == "cors"


# --- how the page is opened ------------------------------------------------------------------------------
async def test_a_page_opened_as_a_file_is_told(
    context: BrowserContext, odd: OpenSite, tmp_path: Path
) -> None:
    with odd(Oddity(headers={"Access-Control-Allow-Origin": "*"}, everywhere=True)) as site:
        (tmp_path / "page.html").write_text(f'<script type="module" src="{site.pages}tab.js"></script>')
        tabs = Tabs(context, site)
        page = await tabs.page(f"file://{tmp_path}/page.html")
        error = await refused(tabs, page)

    assert error["code"] == "opened_from_file"


async def test_a_page_without_a_secure_context_is_told(tabs: Tabs, site_folder: Path) -> None:
    async def fulfill(route: Route) -> None:
        path = route.request.url.removeprefix("http://insecure.test/").split("?")[0]
        folder = PAGES if path.startswith("-tests/") else site_folder
        await route.fulfill(path=folder / path.removeprefix("-tests/"))

    await tabs.context.route("http://insecure.test/**", fulfill)
    insecure = Tabs(tabs.context, Site("http://insecure.test/", tabs.site.manifest))

    error = await refused(insecure, await insecure.page())

    assert error["code"] == "not_secure_context"


async def test_a_browser_without_workers_is_told(tabs: Tabs) -> None:
    await tabs.context.add_init_script("delete globalThis.Worker")

    error = await refused(tabs, await tabs.page())

    assert (error["code"], error["data"]["missing"]) == ("no_worker_support", ["Worker"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": "sqlite:jobs.db"}, "url"),
        ({"url": "indexeddb:"}, "url"),
        ({"url": "indexeddb:x?durable=yes"}, "url"),
        ({"url": STORE, "lease": 0.5}, "lease"),
        ({"url": STORE, "concurrency": 0}, "concurrency"),
        ({"url": STORE, "tasks": "jobs.py"}, "tasks"),
        ({"url": STORE, "task": ["jobs.py"]}, "task"),
    ],
)
async def test_a_wrong_option_is_named(tabs: Tabs, options: dict[str, Any], problem: str) -> None:
    error = await refused(tabs, await tabs.page(), **options)

    assert error["code"] == "invalid_input"
    assert [line.split(":")[0] for line in error["data"]["problems"]] == [problem]


# --- the app's own modules ---------------------------------------------------------------------------------
async def test_a_task_module_that_is_not_there_is_named(tabs: Tabs) -> None:
    error = await failure(tabs, tasks=("nowhere.py",))

    assert error["code"] == "task_404"
    assert "nowhere.py" in error["message"]


async def test_a_task_module_on_a_server_that_lets_nobody_in_is_named(tabs: Tabs, odd: OpenSite) -> None:
    with odd(Oddity()) as other:
        error = await failure(tabs, tasks=(f"{other.pages}py/jobs.py",))

    assert error["code"] == "cors"


async def test_a_module_that_is_neither_py_nor_wheel_is_named(tabs: Tabs) -> None:
    assert (await failure(tabs, tasks=("jobs.txt",)))["code"] == "invalid_input"


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("import numpy\n", "package_missing", '"numpy"'),
        ("from helpers import help_me\n", "package_missing", '"helpers"'),
        ("def f(:\n", "task_module", "SyntaxError"),
        ("x = 1\n", "task_module", "no task"),
        ("raise RuntimeError('out of paint')\n", "task_module", "out of paint"),
    ],
)
async def test_a_task_module_that_cannot_be_imported_says_why(
    context: BrowserContext,
    site_folder: Path,
    tab_site: Site,
    tmp_path: Path,
    text: str,
    code: str,
    words: str,
) -> None:
    (tmp_path / "broken.py").write_text(text)
    with odd_site(site_folder, tab_site.manifest, made=tmp_path) as site:
        error = await failure(Tabs(context, site), tasks=(f"{site.url}-made/broken.py",))

    assert error["code"] == code
    assert words in error["message"]
    assert "broken" in error["message"] or words == "no task"


async def test_a_package_that_is_not_there_is_named(tabs: Tabs) -> None:
    error = await failure(tabs, packages=[f"{tabs.site.url}-made/missing-1.0-py3-none-any.whl"])

    assert error["code"] == "package_missing"
    assert "missing-1.0" in error["message"]


# --- the store ---------------------------------------------------------------------------------------------
async def test_a_full_disk_refuses_the_submit_and_stores_nothing(tabs: Tabs) -> None:
    tab = Tab(await tabs.page())
    session = await tabs.context.new_cdp_session(tab.page)
    origin = tabs.site.url.rstrip("/")
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 600_000})
    await tabs.attach(tab)
    await tab.ready()

    error = await tab.outcome("queue.submit('echo', 'x'.repeat(1_000_000), { delay: 60 })")

    assert (error["code"], error["retryable"]) == ("quota", True)
    assert await tab.js("queue.count()") == {}


async def test_a_deleted_store_is_told(tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.ready()

    await tab.js("""
        const gone = new Promise((resolve) => queue.on('evicted', resolve));
        indexedDB.deleteDatabase('wherry:tests');
        await gone;""")

    assert (await tab.outcome("queue.submit('echo', 1)"))["code"] == "evicted"
    assert (await tab.js("queue.status()"))["python"] == "off"


async def test_a_store_that_newer_code_took_over_asks_for_a_reload(tabs: Tabs) -> None:
    tab = await tabs.open(work=False)

    await tab.js("""
        const told = new Promise((resolve) => queue.on('update', resolve));
        const request = indexedDB.open('wherry:tests', 99);
        request.onupgradeneeded = () => {
          const meta = request.transaction.objectStore('meta');
          meta.get('meta').onsuccess = ({ target }) =>
            meta.put({ ...target.result, schema: 99, min_writer: 99 }, 'meta');
        };
        await told;""")

    assert (await tab.outcome("queue.submit('echo', 1)"))["code"] == "reload_needed"
