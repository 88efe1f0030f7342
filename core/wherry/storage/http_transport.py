"""How HTTP is spoken: the seam between `HTTPStorage` and httpx, or a browser's fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

CONNECT_S = 5.0
ANSWER_S = 30.0
"""How long a server may take for one verb."""
SILENCE_S = 50.0
"""An event stream without even a heartbeat for so long is dead; servers send one every 15 s."""


class Answer(NamedTuple):
    """What the server said."""

    status: int
    media_type: str
    text: str
    headers: Mapping[str, str]


class NoAnswer(Exception):
    """The server said nothing.  `sent`: it may have heard the request all the same."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Transport(Protocol):
    """Requests to one server; headers with the token are the transport's own."""

    async def send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """One request; redirects are not followed, they would take the token along.  Raises: `NoAnswer`."""
        ...

    def lines(self, path: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """An event stream, line by line, ending with its connection.  Raises: `NoAnswer`."""
        ...

    async def aclose(self) -> None: ...
