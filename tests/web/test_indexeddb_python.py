"""`indexeddb:` as Python sees it: opened by its URL, its errors, no JavaScript at hand."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page

from tests.web.conftest import Site, start_python
from tools import wheels
from wherry import open_storage
from wherry.errors import UnsupportedByStorage

STORED = '{"big": 1152921504606846976, "text": "Fähre"}'

UPGRADE = """async (name) => {
    await (await idb.openStore(name)).close();
    const db = await rawDatabase(name, 99, (_, transaction) => {
        const meta = transaction.objectStore("meta");
        meta.get("meta").onsuccess = ({ target: { result } }) =>
            meta.put({ ...result, schema: 99, min_writer: 99 }, "meta");
    });
    db.close();
}"""


async def test_outside_a_browser_the_error_names_what_to_use() -> None:
    with pytest.raises(UnsupportedByStorage, match="use sqlite:PATH here"):
        async with open_storage("indexeddb:x"):
            pass


async def test_a_store_opened_by_its_url_keeps_its_jobs(python_page: Page) -> None:
    assert await python_page.evaluate("python('opening.keep_one', 'kept')") == STORED


async def test_an_error_of_javascript_is_the_class_of_its_code(python_page: Page) -> None:
    await python_page.evaluate(UPGRADE, "newer")

    failure = await python_page.evaluate("python('opening.failure', 'newer')")

    facts = {"place": "indexeddb:newer", "found": 99, "known": 1}
    assert json.loads(failure) == ["SchemaTooNew", "schema_too_new", facts]


@pytest.mark.parametrize(("action", "code"), [("leave", "storage_unavailable"), ("delete", "evicted")])
async def test_a_store_that_is_gone_says_why(python_page: Page, action: str, code: str) -> None:
    found = await python_page.evaluate("(action) => python('opening.failure_after', 'gone', action)", action)

    assert found == code


async def test_the_wheel_alone_is_enough(page: Page, tab_site: Site) -> None:
    wheel = wheels.find_wheel()
    assert wheel
    await start_python(page, tab_site, packages=[f"{tab_site.url}-dist/{wheel.name}"], module=False)

    assert await page.evaluate("python('opening.keep_one', 'alone')") == STORED


async def test_a_browser_has_no_sqlite_files(python_page: Page) -> None:
    found = await python_page.evaluate("python('opening.refusal', 'sqlite:jobs.db')")

    assert found == (
        "unsupported_by_storage: SQLite storage has no place in a browser: open indexeddb:NAME there."
    )
