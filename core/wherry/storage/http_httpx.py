"""HTTP by httpx: keep-alive, one pool a storage."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import httpx

from wherry.storage.http_transport import ANSWER_S, CONNECT_S, SILENCE_S, Answer, NoAnswer

_TIMEOUT = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
_STREAM_TIMEOUT = httpx.Timeout(SILENCE_S, connect=CONNECT_S)

# Shorter than a server keeps an idle connection: one that the server has just closed fails on its next use.
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30.0)

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class HttpxTransport:
    """See `Transport`."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers=dict(headers),
            timeout=_TIMEOUT,
            limits=_LIMITS,
            # Loading the certificates takes longer than a job: only where they are used.
            verify=url.startswith("https:"),
            trust_env=not _is_loopback(url),
        )

    async def send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {} if body is None else {"Content-Type": "application/json"}
        with _no_answer():
            response = await self._client.request(method, path, content=body, headers=headers)
        return _answer(response, response.text)

    @asynccontextmanager
    async def lines(self, path: str) -> AsyncGenerator[AsyncIterator[str]]:
        accept = {"Accept": "text/event-stream"}
        with _no_answer():
            async with self._client.stream("GET", path, headers=accept, timeout=_STREAM_TIMEOUT) as response:
                if response.status_code != 200:
                    raise NoAnswer(f"the event stream was refused with {response.status_code}", sent=True)
                yield response.aiter_lines()

    async def aclose(self) -> None:
        await self._client.aclose()


def _answer(response: httpx.Response, text: str) -> Answer:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, media_type, text, response.headers)


@contextmanager
def _no_answer() -> Generator[None]:
    try:
        yield
    except httpx.RequestError as error:
        reason = str(error) or type(error).__name__
        raise NoAnswer(reason, sent=not isinstance(error, _NEVER_SENT)) from error


def _is_loopback(url: str) -> bool:
    """A proxy of the environment is not for this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
