"""WebKitGTK's MiniBrowser over plain W3C WebDriver, on a screen that nobody sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.browsers.driver import ANSWER_S, START_S, PageError, from_json, in_json, line_in, program, scratch

_CALL = """
    const [text, done] = arguments;
    (%s)(text).then(
      (value) => done([value, null]),
      (error) => done([null, `${error?.name}: ${error?.message ?? error}\\n${error?.stack ?? ""}`]));
"""


class WebDriver:
    """Requests of one session; its windows take turns, for commands go to the one that was switched to."""

    def __init__(self, client: httpx.AsyncClient, session: str) -> None:
        self._client, self._session = client, session
        self._turn = asyncio.Lock()

    async def ask(self, method: str, path: str, *, window: str | None = None, **body: Any) -> Any:
        """Raises: `PageError`."""
        async with self._turn:
            if window is not None:
                await send(self._client, "POST", f"/session/{self._session}/window", handle=window)
            return await send(self._client, method, f"/session/{self._session}{path}", **body)


async def send(client: httpx.AsyncClient, method: str, path: str, **body: Any) -> Any:
    """One command; its value.  Raises: `PageError`."""
    response = await client.request(method, path, json=body if method == "POST" else None)
    value = response.json()["value"]
    if response.is_error:
        raise PageError(f"{method} {path}: {value['error']}: {value['message']}")
    return value


class WebKitPage:
    """See `Page`."""

    def __init__(self, driver: WebDriver, window: str) -> None:
        self._driver, self._window = driver, window

    async def goto(self, url: str) -> None:
        await self._driver.ask("POST", "/url", window=self._window, url=url)

    async def reload(self) -> None:
        await self._driver.ask("POST", "/refresh", window=self._window)

    async def evaluate(self, function: str, argument: Any = None) -> Any:
        value, error = await self._driver.ask(
            "POST",
            "/execute/async",
            window=self._window,
            script=_CALL % in_json(function),
            args=[json.dumps(argument)],
        )
        if error is not None:
            raise PageError(error)
        return from_json(value)

    async def close(self) -> None:
        await self._driver.ask("DELETE", "/window", window=self._window)


class WebKit:
    """See `Engine`."""

    name = "webkit"

    def __init__(self, driver: WebDriver, version: str, first: str) -> None:
        self._driver, self.version, self._first = driver, version, first

    async def new_page(self) -> WebKitPage:
        # From the window that is never closed: the one that was switched to last may be gone.
        made = await self._driver.ask("POST", "/window/new", window=self._first, type="tab")
        return WebKitPage(self._driver, made["handle"])


@asynccontextmanager
async def webkit(driver: str, browser: str, screen: str) -> AsyncGenerator[WebKit]:
    """A MiniBrowser in automation, which keeps nothing after its end.

    Args:
        driver: the program WebKitWebDriver.
        browser: the program MiniBrowser.
        screen: the program Xvfb.
    """
    async with scratch() as folder, _screen(screen, folder) as display:
        env = {
            "DISPLAY": display,
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            # Machines without a GPU; a browser that asks the session bus waits for it.
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "NO_AT_BRIDGE": "1",
        }
        port = str(_free_port())
        async with program([driver, f"--port={port}"], env=env, log=folder / "driver.log"):
            timeout = httpx.Timeout(ANSWER_S + 10)
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=timeout, trust_env=False
            ) as client:
                await _answering(client)
                yield await _session(client, browser)


async def _session(client: httpx.AsyncClient, browser: str) -> WebKit:
    options = {"binary": browser, "args": ["--automation"]}
    made = await send(
        client, "POST", "/session", capabilities={"alwaysMatch": {"webkitgtk:browserOptions": options}}
    )
    driver = WebDriver(client, made["sessionId"])
    await driver.ask("POST", "/timeouts", script=ANSWER_S * 1000, pageLoad=ANSWER_S * 1000)
    return WebKit(driver, made["capabilities"]["browserVersion"], await driver.ask("GET", "/window"))


async def _answering(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_S):
        while True:
            try:
                await send(client, "GET", "/status")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def _screen(binary: str, folder: Path) -> AsyncGenerator[str]:
    """A virtual display; yields its name."""
    log = folder / "xvfb.log"
    command: Sequence[str] = [binary, "-displayfd", "2", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    async with program(command, log=log) as process:
        yield f":{(await line_in(log, '', process)).strip()}"


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
