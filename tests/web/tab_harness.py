"""Opens tabs of a page that uses `wherry.js`, for the tests of the tab."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Page

if TYPE_CHECKING:
    from tests.web.conftest import Site

Tasks = Sequence[str | dict[str, str]]
"""File names in pages/py/, addresses, or addresses by the name that Python is to know."""

LOG = logging.getLogger("tab")

STORE = "indexeddb:tests"
PATIENCE_S = 180


class Tab:
    """A page with an open queue."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def js(self, code: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression or block; `queue` is the page's, `given` the argument."""
        body = code if ";" in code else f"return {code}"
        async with asyncio.timeout(PATIENCE_S):  # what never comes must fail a test, not hold up all of them
            return await self.page.evaluate(f"async (given) => {{ {body} }}", argument)

    async def run(self, task: str, value: Any = None, **options: Any) -> Any:
        """Submit one job and wait for its result."""
        return await self.js("(await queue.submit(...given)).result()", [task, value, options])

    async def outcome(self, code: str, argument: Any = None) -> dict[str, Any]:
        """`value` of a promise, or `code`, `message`, `data` ... of its error."""
        return await self.js(f"outcome((async () => {code})())", argument)

    async def submit(self, task: str, value: Any = None, **options: Any) -> str:
        """Submit one job and return its id."""
        return await self.js("(await queue.submit(...given)).id", [task, value, options])

    async def result(self, job_id: str) -> Any:
        return await self.js("queue.handle(given).result()", job_id)

    async def job(self, job_id: str) -> dict[str, Any]:
        return await self.js("queue.get(given)", job_id)

    async def ready(self) -> None:
        """Wait until Python runs, here or in the leading tab."""
        await self.js("await statusIs({ python: 'ready' });")

    async def close(self) -> None:
        await self.page.close()


class Tabs:
    """Opens tabs of one profile."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context, self.site = context, site

    async def open(self, *, tasks: Tasks = ("jobs.py",), url: str = STORE, **options: Any) -> Tab:
        """Open a tab on a store with the task modules of these tests."""
        tab = Tab(await self.page())
        await self.attach(tab, tasks=tasks, url=url, **options)
        return tab

    async def page(self, url: str | None = None) -> Page:
        """A page without a queue."""
        page = await self.context.new_page()
        page.on("console", log_message)
        page.on("pageerror", log_error)
        await page.goto(url or f"{self.site.pages}tab.html")
        return page

    async def attach(
        self, tab: Tab, *, tasks: Tasks = ("jobs.py",), url: str = STORE, **options: Any
    ) -> None:
        """Open the queue in a page that is loaded already, after a reload for example."""
        own = f"{self.site.pages}py/"
        modules = [own + one if isinstance(one, str) and ":" not in one else one for one in tasks]
        given = {"url": url, **({"tasks": modules} if modules else {}), **options}
        await tab.page.evaluate("([base, given]) => openQueue(base, given)", [self.site.base, given])


def log_message(message: ConsoleMessage) -> None:
    LOG.warning("%s: %s", message.type, message.text)


def log_error(error: Error) -> None:
    LOG.error("uncaught: %s", error)
