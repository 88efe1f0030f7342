"""`remote.js` in a real page: another origin, its rules, and one event stream for all listeners."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest_asyncio
from playwright.async_api import Page

from tests.server.loopback import loopback
from tests.web.conftest import Site
from wherry.storage.memory import MemoryStorage
from wherry_server import create_app
from wherry_server.auth import SCOPES

TOKEN = "a-token"


@pytest_asyncio.fixture(loop_scope="session")
async def store() -> AsyncGenerator[MemoryStorage]:
    async with MemoryStorage("served") as storage:
        yield storage


async def in_page(page: Page, site: Site, url: str, script: str) -> Any:
    """Run a function body that has `openRemote`, `url`, `getToken`; an error comes back as its code."""
    return await page.evaluate(
        f"""async ([base, url, token]) => {{
            const {{ openRemote }} = await import(base + "remote.js");
            const getToken = () => token;
            try {{ {script} }} catch (error) {{ return error.code ?? String(error); }}
        }}""",
        [site.base, url, TOKEN],
    )


async def origin_of(page: Page) -> str:
    return await page.evaluate("location.origin")


async def test_a_page_of_an_allowed_origin_submits_and_hears(
    page: Page, tab_site: Site, store: MemoryStorage
) -> None:
    app = create_app(store, tokens={TOKEN: SCOPES}, cors=[await origin_of(page)])
    with loopback().mounted(app) as url:
        found = await in_page(
            page,
            tab_site,
            url,
            """
            const store = await openRemote({ url, getToken });
            const { cursor } = await store.call("changes", { since: "", limit: 1 });
            await new Promise((resolve) => store.listen(() => resolve()));
            let added = false;
            const heard = new Promise((resolve) => store.listen(() => added && resolve()));
            added = true;
            const job = { id: "a", namespace: "", queue: "q", task: "t", input: "1" };
            await store.call("add", { jobs: [job] });
            await heard;
            const { items } = await store.call("changes", { since: cursor, limit: 9 });
            await store.close();
            return items.map(({ job_id, kind }) => [job_id, kind]);
            """,
        )

    assert found == [["a", "added"]]
    assert list(await store.get(["a"])) == ["a"]


async def test_a_refusal_reaches_a_page_of_another_origin(
    page: Page, tab_site: Site, store: MemoryStorage
) -> None:
    app = create_app(store, tokens={"other": SCOPES}, cors=[await origin_of(page)])
    with loopback().mounted(app) as url:
        code = await in_page(page, tab_site, url, "await openRemote({ url, getToken });")

    assert code == "unauthorized"


async def test_a_server_that_does_not_let_the_page_in_is_told_from_one_that_is_away(
    page: Page, tab_site: Site, store: MemoryStorage
) -> None:
    with loopback().mounted(create_app(store, tokens={TOKEN: SCOPES})) as url:
        shut = await in_page(page, tab_site, url, "await openRemote({ url, getToken });")
    away = await in_page(page, tab_site, "http://127.0.0.1:1", "await openRemote({ url, getToken });")

    assert (shut, away) == ("cors", "storage_unavailable")


async def test_many_listeners_take_one_connection(page: Page, tab_site: Site, store: MemoryStorage) -> None:
    """A browser has six to a server: with one stream a listener the seventh call would hang."""
    app = create_app(store, tokens={TOKEN: SCOPES}, cors=[await origin_of(page)])
    with loopback().mounted(app) as url:
        found = await in_page(
            page,
            tab_site,
            url,
            """
            const store = await openRemote({ url, getToken });
            const ring = () => new Promise((resolve) => store.listen(() => resolve()));
            await Promise.all(Array.from({ length: 20 }, ring));
            return (await store.call("get", { ids: [] })).length;
            """,
        )
        streams = app.state.service.waiting

    assert (found, streams) == (0, 1)
