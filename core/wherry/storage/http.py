"""A wherry server elsewhere as the storage (G8): its verbs over HTTP, its feed over server-sent events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, Self, cast
from urllib.parse import urlsplit

from wherry.errors import (
    InvalidInput,
    NotAStore,
    NotJson,
    RemoteError,
    SchemaTooNew,
    StorageUnavailable,
    Unauthorized,
    UnknownStorage,
    WherryError,
)
from wherry.messages import Capabilities
from wherry.storage.faults import error_from
from wherry.storage.hints import HintListener, Hints
from wherry.storage.http_transport import Answer, NoAnswer, Transport, open_transport
from wherry.storage.shapes import Misfit, shape
from wherry.storage.wire import PROTOCOL, WireStorage, load

API = "/api/v1"

_PAUSES_S = (0.1, 0.4, 1.6)
"""Between tries; every verb may be repeated as it was."""
_RECONNECT_S = (0.2, 10.0)
"""First and longest pause before an event stream is opened again."""

_PASSING = frozenset({429, 502, 503, 504})
"""A proxy or a server that is restarting says these; the next try may find it well."""

_PROBLEM = frozenset({"type", "title", "status", "detail", "code"})

_BEFORE_HELLO = Capabilities(
    feed="log",
    atomic="batch",
    clock="store",
    durability="none",
    priority=True,
    limits=False,
    shared="network",
    max_payload=1_049_600,
)


class Hello(NamedTuple):
    """What a server says of itself, as far as a client needs it."""

    protocol: int
    capabilities: Capabilities
    scopes: Sequence[str]
    """What this client's token may do; empty when a token is wanted and none was sent."""
    store_id: str | None = None
    generation: int = 1


_HELLO = shape(Hello)


class HTTPStorage(WireStorage):
    """The storage behind a wherry server.

    Args:
        url: where the server is, `http://` or `https://`; a path if it is mounted under one.
        token: its bearer token, if it wants one.

    Raises: `UnknownStorage` (no HTTP URL), `InvalidInput` (a password in the URL, a token that no
        header can carry).
    """

    def __init__(
        self, url: str, *, token: str | None = None, capabilities: Capabilities | None = None
    ) -> None:
        self.url = _checked(url)
        if token is not None and not is_token(token):
            raise InvalidInput("HTTPStorage", ["token: must be visible ASCII characters without spaces"])
        self.store_id: str | None = None
        self.generation = 1
        self.capabilities = capabilities or _BEFORE_HELLO
        self._knows_server = capabilities is not None
        self._token = token
        self._transport: Transport | None = None
        self._hints = Hints()
        self._stream: asyncio.Task[None] | None = None

    def fork(self) -> HTTPStorage:
        """The same server over connections of its own."""
        return HTTPStorage(self.url, token=self._token, capabilities=self.capabilities)

    async def __aenter__(self) -> Self:
        """Raises: `StorageUnavailable`, `NotAStore`, `Unauthorized`, `SchemaTooNew`."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._transport = open_transport(self.url, headers)
        try:
            if not self._knows_server:
                self._take(await self._hello())
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
            with suppress(asyncio.CancelledError):
                await stream
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    # --- hello -----------------------------------------------------------------------------------
    async def _hello(self) -> dict[str, Any]:
        answer = await self._send("GET", f"{API}/", None)
        if answer.status != 200:
            raise self._error(answer, NotAStore(self.url, f"it answers {answer.status}"))
        with suppress(Misfit):
            found = load(answer.text)
            if isinstance(found, dict) and cast("dict[str, Any]", found).get("name") == "wherry":
                return cast("dict[str, Any]", found)
        raise NotAStore(
            self.url, f"it answers with {answer.media_type or 'something else'}, not with a hello"
        )

    def _take(self, hello: dict[str, Any]) -> None:
        try:
            found = _HELLO.read(hello)
        except Misfit as misfit:
            raise NotAStore(self.url, f"its hello is not what it should be: {misfit}") from None
        if found.protocol > PROTOCOL:
            raise SchemaTooNew(self.url, found.protocol, PROTOCOL)
        if not found.scopes:
            raise Unauthorized()
        self.capabilities = replace(found.capabilities, shared="network")
        self.store_id, self.generation = found.store_id, found.generation

    # --- verbs -----------------------------------------------------------------------------------
    async def _call(self, verb: str, text: str) -> str:
        try:
            body = text.encode()
        except UnicodeEncodeError:
            raise NotJson("$", "text with half of a surrogate pair") from None
        answer = await self._send("POST", f"{API}/verbs/{verb}", body)
        if answer.status != 200:
            raise self._error(
                answer, RemoteError(f"http_{answer.status}", f"{self.url} answered {answer.status}")
            )
        return answer.text

    async def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        """One request, repeated while the server cannot be reached or says that it will be back."""
        sent = False
        for pause_s in (*_PAUSES_S, None):
            try:
                answer = await self._open().send(method, path, body)
                if answer.status not in _PASSING or pause_s is None:
                    return answer
                # Whatever spoke, the request may have gone through it.
                sent = True
            except NoAnswer as error:
                sent = sent or error.sent
                if pause_s is None:
                    raise self._unavailable(str(error), sent=sent and method != "GET") from error
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
        raise AssertionError("the last try returns or raises")

    def _open(self) -> Transport:
        if self._transport is None:
            raise StorageUnavailable(f"{self.url} is not open: enter the storage with `async with`.")
        return self._transport

    def _unavailable(self, reason: str, *, sent: bool) -> StorageUnavailable:
        text = f"{self.url} did not answer ({reason}): is the server running, and the address right?"
        return StorageUnavailable(text, outcome_unknown=sent)

    def _error(self, answer: Answer, otherwise: WherryError) -> WherryError:
        """A problem as the error that the server had."""
        problem: dict[str, Any] = {}
        if answer.media_type == "application/problem+json":
            with suppress(Misfit):
                problem = load(answer.text)
        if isinstance(problem.get("code"), str) and isinstance(problem.get("detail"), str):
            data = {name: value for name, value in problem.items() if name not in _PROBLEM}
            return error_from(problem["code"], problem["detail"], data)
        if answer.status in _PASSING:
            return self._unavailable(f"status {answer.status}", sent=True)
        return otherwise

    # --- feed ------------------------------------------------------------------------------------
    def listen(self) -> HintListener:
        """Hints of one event stream, shared by all listeners; it ends when nobody listens."""
        listener = self._hints.listen()
        if self._stream is None or self._stream.done():
            self._stream = asyncio.create_task(self._follow())
        return listener

    async def _follow(self) -> None:
        pause_s, longest_s = _RECONNECT_S
        while self._hints.listening:
            # Whatever the reason was, those who read hear of it from their own calls.
            with suppress(NoAnswer):
                async with self._open().lines(f"{API}/events?hints=true") as lines:
                    async for line in lines:
                        pause_s = _RECONNECT_S[0]
                        if not self._hints.listening:
                            return
                        if line.startswith("event:"):
                            self._hints.ring()
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, longest_s)


def is_token(text: str) -> bool:
    """A header can carry it: visible ASCII, no spaces."""
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


def _checked(url: str) -> str:
    """The URL without what does not name the server.  Raises: `UnknownStorage`, `InvalidInput`."""
    unknown = UnknownStorage(url, ("http://HOST:PORT", "https://HOST"))
    try:
        parts = urlsplit(url)
        # Reading it is what checks it.
        _ = parts.port
    except ValueError:
        raise unknown from None
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, url)):
        raise unknown
    if "@" in parts.netloc:
        raise InvalidInput("HTTPStorage", ["url: holds a user or password; pass token= instead"])
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
