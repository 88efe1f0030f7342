"""Firefox over WebDriver BiDi: its own WebSocket, no geckodriver."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.browsers.driver import ANSWER_S, PageError, from_json, in_json, line_in, program, scratch

LOG = logging.getLogger("firefox")

PREFERENCES = {
    # A quiet start: no pages of its own, nothing fetched.
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
    # `navigator.storage.persist()` asks a person, and there is none.
    "dom.storageManager.prompt.testing": True,
    "dom.storageManager.prompt.testing.allow": False,
}


class Bidi:
    """Commands and their answers over one WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Raises: `PageError`."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            raise PageError(f"{method} was not answered within {ANSWER_S} s") from None
        finally:
            del self._waiting[number]

    async def hear(self) -> None:
        """Hand out answers until the connection ends."""
        async for text in self._socket:
            message = json.loads(text)
            answer = self._waiting.get(message.get("id"))
            if answer is None:
                _note(message)
            elif message["type"] == "success":
                answer.set_result(message["result"])
            else:
                answer.set_exception(PageError(f"{message['error']}: {message['message']}"))
        for answer in self._waiting.values():
            answer.set_exception(PageError("Firefox ended"))


def _note(message: dict[str, Any]) -> None:
    """What pages log is shown with a failed test."""
    if message.get("method") == "log.entryAdded":
        LOG.info("%s: %s", message["params"]["level"], message["params"]["text"])


class FirefoxPage:
    """See `Page`."""

    def __init__(self, bidi: Bidi, context: str) -> None:
        self._bidi, self._context = bidi, context

    async def goto(self, url: str) -> None:
        await self._bidi.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def reload(self) -> None:
        await self._bidi.ask("browsingContext.reload", context=self._context, wait="complete")

    async def evaluate(self, function: str, argument: Any = None) -> Any:
        answer = await self._bidi.ask(
            "script.callFunction",
            functionDeclaration=in_json(function),
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise PageError(answer["exceptionDetails"]["text"])
        return from_json(answer["result"]["value"])

    async def close(self) -> None:
        await self._bidi.ask("browsingContext.close", context=self._context)


class Firefox:
    """See `Engine`."""

    name = "firefox"

    def __init__(self, bidi: Bidi, version: str) -> None:
        self._bidi, self.version = bidi, version

    async def new_page(self) -> FirefoxPage:
        made = await self._bidi.ask("browsingContext.create", type="tab")
        return FirefoxPage(self._bidi, made["context"])


@asynccontextmanager
async def firefox(binary: str) -> AsyncGenerator[Firefox]:
    """A headless Firefox with a profile of its own."""
    async with scratch() as folder:
        log = folder / "firefox.log"
        command = [binary, "--headless", "--no-remote", "--profile", str(_profile(folder))]
        async with program([*command, "--remote-debugging-port", "0"], log=log) as process:
            said = await line_in(log, "WebDriver BiDi listening on ", process)
            address = said.rpartition(" ")[2]
            async with (
                connect(f"{address}/session", max_size=None, proxy=None) as socket,
                _session(socket) as one,
            ):
                yield one


def _profile(folder: Path) -> Path:
    profile = folder / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    return profile


@asynccontextmanager
async def _session(socket: ClientConnection) -> AsyncGenerator[Firefox]:
    bidi = Bidi(socket)
    hearing = asyncio.create_task(bidi.hear())
    try:
        made = await bidi.ask("session.new", capabilities={})
        await bidi.ask("session.subscribe", events=["log.entryAdded"])
        yield Firefox(bidi, made["capabilities"]["browserVersion"])
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
