"""A Chromium of its own, driven over a pipe without Playwright, which keeps every page visible and awake.

Here a tab is hidden when another one is opened, can be frozen, and goes into the back/forward cache.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.web.conftest import FLAGS, FLAGS_AS_ROOT
from tools import browser as browsers

PATIENCE_S = 120


class Browser:
    """The browser's end of the DevTools protocol."""

    def __init__(self, process: asyncio.subprocess.Process, said: asyncio.StreamReader, pipe: int) -> None:
        self._process, self._said, self._pipe = process, said, pipe
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            message = json.loads((await self._said.readuntil(b"\0"))[:-1])
            if waiting := self._answers.pop(message.get("id"), None):
                waiting.set_result(message)

    async def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Call one method of the protocol, of a page if its session is given."""
        number = next(self._numbers)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        call = {
            "id": number,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._pipe, json.dumps(call).encode() + b"\0")
        async with asyncio.timeout(PATIENCE_S):
            answer = await waiting
        assert "error" not in answer, answer["error"]
        return answer["result"]

    async def open(self, url: str) -> RawTab:
        """A new tab before all others."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = RawTab(self, target, session)
        await tab.send("Page.enable")
        await tab.go(url)
        return tab

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait((self._reading,))
        os.close(self._pipe)  # it ends when nobody can speak to it any more
        await self._process.wait()


class RawTab:
    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.send(method, self._session, **parameters)

    async def js(self, code: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression or block, as `Tab.js`."""
        body = code if ";" in code else f"return {code}"
        expression = f"(async (given) => {{ {body} }})({json.dumps(argument)})"
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def go(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.loaded()

    async def loaded(self) -> None:
        """Wait until the page is there with all its scripts."""
        await self.js("""
            if (document.readyState === 'complete') return;
            await new Promise((done) => addEventListener('load', done));
        """)

    async def front(self) -> None:
        await self._browser.send("Target.activateTarget", targetId=self._target)

    async def freeze(self) -> None:
        """Stop the page and its workers, as the browser does with those that nobody sees."""
        await self.send("Page.setWebLifecycleState", state="frozen")

    async def thaw(self) -> None:
        await self.send("Page.setWebLifecycleState", state="active")

    async def back(self) -> None:
        history = await self.send("Page.getNavigationHistory")
        before = history["entries"][history["currentIndex"] - 1]
        await self.send("Page.navigateToHistoryEntry", entryId=before["id"])
        await self.loaded()

    async def close(self) -> None:
        await self._browser.send("Target.closeTarget", targetId=self._target)


# Puts two inherited pipes where Chromium looks for them, by way of numbers that neither has.
PLUMBING = """
import os, sys
commands, says = int(sys.argv[1]), int(sys.argv[2])
os.dup2(commands, 103), os.dup2(says, 104)
os.dup2(103, 3), os.dup2(104, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


@asynccontextmanager
async def raw_chromium(profile: Path) -> AsyncGenerator[Browser]:
    """A browser with a new profile in that folder."""
    (commands, pipe), (hears, says) = os.pipe(), os.pipe()
    flags = [*FLAGS, *(FLAGS_AS_ROOT if os.geteuid() == 0 else ())]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PLUMBING, str(commands), str(says), str(browsers.find()),
        "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", *flags,
        pass_fds=(commands, says), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands)
    os.close(says)
    said = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), os.fdopen(hears, "rb"))
    browser = Browser(process, said, pipe)
    try:
        yield browser
    finally:
        await browser.close()
