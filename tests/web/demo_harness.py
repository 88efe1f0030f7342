"""The real `wherry demo` and its page in a real browser, for the tests of the demo page."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, expect

from tools.paths import ROOT, VENV_BIN

START_S, STOP_S = 60.0, 30.0
PYTHON_MS = 120_000
"""How long Python may take to start in a tab of a busy machine."""


@dataclass(frozen=True)
class Demo:
    """A demo that runs."""

    address: str
    """Of its page, with the token in the fragment."""

    @property
    def url(self) -> str:
        return self.address.partition("#")[0]

    @property
    def token(self) -> str:
        return self.address.partition("#token=")[2]


@contextmanager
def running_demo(site: Path, folder: Path) -> Generator[Demo]:
    """Run `wherry demo` as a person would, its jobs and its log in a folder."""
    log = folder / "demo.log"
    command = [
        VENV_BIN / "wherry",
        "demo",
        "--site",
        site,
        "--data",
        folder / "data",
        "--port",
        "0",
        "--no-open",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        yield Demo(_address(process, log))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_S)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline_s:
        found = re.search(r"http://\S+/demo/#token=\S+", log.read_text())
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"`wherry demo` printed no address:\n{log.read_text()}")


class DemoPage:
    """The page of a demo; remembers what it sent and what went wrong."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.sent: list[str] = []
        """The bodies and addresses of all its requests."""
        page.on("response", lambda got: self.errors.append(f"404 {got.url}") if got.status == 404 else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda line: self.errors.append(line.text) if line.type in ("error", "warning") else None,
        )
        page.context.on(
            "request", lambda request: self.sent.append(f"{request.url} {request.post_data or ''}")
        )

    @classmethod
    async def open(cls, context: BrowserContext, address: str) -> DemoPage:
        page = cls(await context.new_page())
        await page.page.goto(address)
        return page

    def by(self, testid: str, more: str = "") -> Locator:
        """The elements with a test id and whatever else a selector asks of them."""
        return self.page.locator(f'[data-testid="{testid}"]{more}')

    async def see(self, testid: str, more: str = "", *, within_ms: float = 30_000) -> None:
        """Wait until such an element can be seen."""
        await expect(self.by(testid, more).first).to_be_visible(timeout=within_ms)

    async def click(self, testid: str) -> None:
        await self.by(testid).click()

    async def ready(self) -> None:
        """Wait until both shores can run jobs."""
        await self.see("shore-server", '[data-state="online"][data-loaded]')
        await self.see("shore-tab", '[data-state="ready"][data-loaded]', within_ms=PYTHON_MS)

    async def numbers(self, shore: str) -> dict[str, int]:
        """`done`, `total` and `failed` of the index run on a shore."""
        read = "(element) => ({ ...element.dataset })"
        data: dict[str, str] = await self.by(f"progress-{shore}").evaluate(read)
        return {name: int(data[name]) for name in ("done", "total", "failed")}

    async def data(self, testid: str, name: str, more: str = "") -> str | None:
        return await self.by(testid, more).first.get_attribute(f"data-{name}")

    async def js(self, code: str, argument: Any = None) -> Any:
        """The value of a JavaScript function in the page."""
        return await self.page.evaluate(code, argument)

    async def indexed(self, shore: str, *, within_ms: float) -> dict[str, int]:
        """Wait until every job of the index run has ended, and return its numbers."""
        deadline_s = time.monotonic() + within_ms / 1000
        while True:
            numbers = await self.numbers(shore)
            if numbers["total"] and numbers["done"] + numbers["failed"] == numbers["total"]:
                return numbers
            assert time.monotonic() < deadline_s, f"{shore}: {numbers} after {within_ms / 1000:g} s"
            await self.page.wait_for_timeout(250)
