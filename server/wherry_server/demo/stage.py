"""The open page, as the plays of the check see it: elements by test id, waits with a reason."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from wherry import Filter
from wherry.job import JobRow
from wherry_server.demo.browser import Watch
from wherry_server.demo.run import Running

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Locator, Page

_LOOK_S = 0.1
_SHOWN = 300


class Missed(AssertionError):
    """A play did not go as it must."""


class Stage:
    """One page of one demo.

    Attributes:
        page: the first tab; plays may open others in `context`.
        watch: what went wrong in any of them.
        demo: the server's side, to ask what is true.
    """

    def __init__(self, context: BrowserContext, page: Page, watch: Watch, demo: Running) -> None:
        self.context, self.page, self.watch, self.demo = context, page, watch, demo

    # --- elements ----------------------------------------------------------------------------------
    def by(self, test_id: str, where: str = "", page: Page | None = None) -> Locator:
        """Elements by their test id and a further CSS condition, such as `[data-state="ready"]`."""
        return (page or self.page).locator(f'[data-testid="{test_id}"]{where}')

    async def see(
        self, test_id: str, where: str = "", *, within_s: float, page: Page | None = None
    ) -> Locator:
        """Wait until such an element is in the page.  Raises: `Missed` with what is there instead."""
        found = self.by(test_id, where, page).first

        async def there() -> bool:
            return await found.count() > 0

        await self.until(there, f"{test_id}{where}", within_s=within_s, page=page)
        return found

    async def click(self, test_id: str, *, within_s: float = 20) -> None:
        """Click as soon as it can be clicked."""
        button = await self.see(test_id, ":not([disabled])", within_s=within_s)
        await button.click()

    async def number(self, test_id: str, name: str) -> int:
        """A number that an element carries as `data-NAME`; 0 without it."""
        found = self.by(test_id).first
        text = await found.get_attribute(f"data-{name}") if await found.count() else None
        return int(float(text)) if text else 0

    async def until(
        self, holds: Callable[[], Awaitable[bool]], what: str, *, within_s: float, page: Page | None = None
    ) -> None:
        """Raises: `Missed` when it does not hold in time, or the page tells of an error."""
        deadline_s = time.monotonic() + within_s
        while not await holds():
            errors = await self.told_errors(page)
            if errors:
                raise Missed(f"the page says: {'; '.join(errors)} (while waiting for {what})")
            if time.monotonic() > deadline_s:
                raise Missed(f"no {what} after {within_s:g} s")
            await asyncio.sleep(_LOOK_S)

    async def told_errors(self, page: Page | None = None) -> list[str]:
        """The errors that a person would see."""
        shown = [element for element in await self.by("error", page=page).all() if await element.is_visible()]
        return [
            f"[{await one.get_attribute('data-code')}] {(await one.inner_text())[:_SHOWN]}" for one in shown
        ]

    # --- what is true ------------------------------------------------------------------------------
    async def server_jobs(self, **where: Any) -> list[JobRow]:
        """Jobs as the server's storage has them, newest first."""
        rows, _ = await self.demo.storage.query(Filter(**where), limit=1000)
        return list(rows)
