"""How a server and its address are judged before any verb is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from wherry.errors import InvalidInput, NotAStore, SchemaTooNew, Unauthorized, UnknownStorage
from wherry.messages import Capabilities
from wherry.storage.http_transport import Answer
from wherry.storage.shapes import Misfit, shape
from wherry.storage.wire import PROTOCOL, load

KINDS = ("http://HOST:PORT", "https://HOST")


class Limits(NamedTuple):
    """How much one request may hold."""

    max_body: int = 16 * 2**20
    """Bytes."""


class Hello(NamedTuple):
    """What a server says of itself, as far as a client needs it."""

    protocol: int
    capabilities: Capabilities
    scopes: Sequence[str]
    """What this client's token may do; empty when a token is wanted and none was sent."""
    store_id: str | None = None
    generation: int = 1
    limits: Limits = Limits()


UNKNOWN = Hello(
    PROTOCOL,
    Capabilities(
        feed="log",
        atomic="batch",
        clock="store",
        durability="none",
        priority=True,
        limits=False,
        shared="network",
        max_payload=1_049_600,
    ),
    (),
)
"""Of a server that has not been met yet."""

_HELLO = shape(Hello)


def read_hello(url: str, answer: Answer) -> Hello:
    """What a server answered to a hello.

    Raises: `NotAStore` (it is something else), `SchemaTooNew`, `Unauthorized` (it wants a token).
    """
    try:
        found = load(answer.text)
    except Misfit:
        found = None
    if not isinstance(found, dict) or cast("dict[str, Any]", found).get("name") != "wherry":
        raise NotAStore(url, f"it answers with {answer.media_type or 'something else'}, not with a hello")
    try:
        hello: Hello = _HELLO.read(cast("object", found))
    except Misfit as misfit:
        raise NotAStore(url, f"its hello is not what it should be: {misfit}") from None
    if hello.protocol > PROTOCOL:
        raise SchemaTooNew(url, hello.protocol, PROTOCOL)
    if not hello.scopes:
        raise Unauthorized()
    return hello


def is_token(text: str) -> bool:
    """A header can carry it: visible ASCII, no spaces."""
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


def checked_url(url: str) -> str:
    """The URL without what does not name the server.  Raises: `UnknownStorage`, `InvalidInput`."""
    unknown = UnknownStorage(url, KINDS)
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
