"""A wherry server elsewhere as the storage (G8): its verbs over HTTP, its feed over server-sent events."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self, cast

from wherry.errors import InvalidInput, NotAStore, NotJson, StorageUnavailable, WherryError
from wherry.messages import Capabilities, ClaimRequest, Exchanged, Report, Settlement, Verdict
from wherry.storage.faults import error_from
from wherry.storage.hints import HintListener, Hints
from wherry.storage.http_hello import UNKNOWN, Hello, checked_url, is_token, read_hello
from wherry.storage.http_parts import in_parts
from wherry.storage.http_transport import Answer, NoAnswer, Transport
from wherry.storage.shapes import Misfit
from wherry.storage.wire import WireStorage, load

API = "/api/v1"

_PAUSES_S = (0.1, 0.4, 1.6)
"""Between tries; every verb may be repeated as it was."""
_RECONNECT_S = (0.2, 10.0)
"""First and longest pause before an event stream is opened again."""

_PASSING = frozenset({429, 502, 503, 504})
"""A proxy or a server that is restarting says these; the next try may find it well."""

_PROBLEM = frozenset({"type", "title", "status", "detail", "code"})


class HTTPStorage(WireStorage):
    """The storage behind a wherry server.

    Args:
        url: where the server is, `http://` or `https://`; a path if it is mounted under one.
        token: its bearer token, if it wants one.
        hello: what the server said already, so that it need not be asked.

    Raises: `UnknownStorage` (no HTTP URL), `InvalidInput` (a password in the URL, a token that no
        header can carry).
    """

    def __init__(self, url: str, *, token: str | None = None, hello: Hello | None = None) -> None:
        self.url = checked_url(url)
        if token is not None and not is_token(token):
            raise InvalidInput("HTTPStorage", ["token: must be visible ASCII characters without spaces"])
        self._token, self._hello = token, hello
        self._transport: Transport | None = None
        self._hints = Hints()
        self._stream: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """The server's, once it was met."""
        return replace((self._hello or UNKNOWN).capabilities, shared="network")

    @property
    def store_id(self) -> str | None:
        return (self._hello or UNKNOWN).store_id

    @property
    def generation(self) -> int:
        return (self._hello or UNKNOWN).generation

    def fork(self) -> HTTPStorage:
        """The same server over connections of its own."""
        return HTTPStorage(self.url, token=self._token, hello=self._hello)

    async def __aenter__(self) -> Self:
        """Raises: `StorageUnavailable`, `NotAStore`, `Unauthorized`, `SchemaTooNew`."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._transport = _open_transport(self.url, headers)
        try:
            self._hello = self._hello or await self._meet()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def _meet(self) -> Hello:
        answer = await self._send("GET", f"{API}/", None)
        if answer.status != 200:
            raise self._error(answer, NotAStore(self.url, f"it answers {answer.status}"))
        return read_hello(self.url, answer)

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
            with suppress(asyncio.CancelledError):
                await stream
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    # --- verbs -----------------------------------------------------------------------------------
    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        """As the contract says; more settlements than one request can hold are sent in several."""
        *first, last = in_parts(settle, self._most)
        verdicts: list[Verdict] = []
        for part in first:
            verdicts += (await super().exchange(part, None)).verdicts
        exchanged = await super().exchange(last, claim)
        return exchanged._replace(verdicts=(*verdicts, *exchanged.verdicts))

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        """As the contract says, in several requests if one cannot hold them."""
        verdicts: list[Verdict] = []
        for part in in_parts(reports, self._most):
            verdicts += await super().report(part)
        return verdicts

    @property
    def _most(self) -> int:
        """Bytes of rows in one request, with room for the rest of it."""
        return (self._hello or UNKNOWN).limits.max_body // 2

    async def _call(self, verb: str, text: str) -> str:
        try:
            body = text.encode()
        except UnicodeEncodeError:
            raise NotJson("$", "text with half of a surrogate pair") from None
        answer = await self._send("POST", f"{API}/verbs/{verb}", body)
        if answer.status != 200:
            raise self._error(answer, self._unavailable(f"it answers {answer.status}", sent=True))
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
        problem = _problem_in(answer)
        code, detail = problem.get("code"), problem.get("detail")
        if code == "internal":
            # Its bug or its disk: for the caller the same as a server that fell over.
            return StorageUnavailable(f"{self.url}: {detail}", outcome_unknown=True)
        if isinstance(code, str) and isinstance(detail, str):
            data = {name: value for name, value in problem.items() if name not in _PROBLEM}
            return error_from(code, detail, data)
        if answer.status in _PASSING:
            return self._unavailable(f"it answers {answer.status}", sent=True)
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


def _problem_in(answer: Answer) -> dict[str, Any]:
    if answer.media_type == "application/problem+json":
        with suppress(Misfit):
            found = load(answer.text)
            return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {}


def _open_transport(url: str, headers: Mapping[str, str]) -> Transport:
    """The transport that works here; its driver is imported now."""
    if sys.platform == "emscripten":
        from wherry.storage.http_fetch import FetchTransport

        return FetchTransport(url, headers)
    from wherry.storage.http_httpx import HttpxTransport

    return HttpxTransport(url, headers)
