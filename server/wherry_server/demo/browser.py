"""A headless Chromium for the check: found on this machine, watched for errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from wherry import WherryError

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request

VARIABLE = "WHERRY_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing that asks the network, and no GPU process on machines that have none.
_FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_OFFLINE = ("ERR_INTERNET_DISCONNECTED", "Failed to load resource")


class NoBrowser(WherryError):
    """The check has nothing to play in."""

    code = "no_browser"


class Watch:
    """What went wrong in a page, and what it sent."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.sent: list[bytes] = []
        self.offline = False
        """While it is, requests may fail."""

    def follow(self, page: Page) -> None:
        """Listen to a page and its workers."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        if self.offline and any(part in message.text for part in _OFFLINE):
            return
        self.errors.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        body = request.post_data_buffer
        if body:
            self.sent.append(body)


@asynccontextmanager
async def headless() -> AsyncGenerator[BrowserContext]:
    """A fresh browser profile.  Raises: `NoBrowser`."""
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError:
        raise NoBrowser("playwright is not installed: `pip install playwright` brings it.") from None
    flags = [*_FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        except Error as error:
            reason = str(error).strip().partition("\n")[0]
            raise NoBrowser(
                f"no Chromium starts here ({reason}): install one, or name it in {VARIABLE}."
            ) from error
        try:
            yield await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        finally:
            await browser.close()


def find_chromium() -> str | None:
    """The one that `WHERRY_CHROMIUM` names or one on the path; None for Playwright's own."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    return next((found for name in _NAMES if (found := shutil.which(name))), None)
