"""Servers for tests of the HTTP storage: a real one, one that is something else, one behind a bad line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from wherry.errors import WherryError
from wherry.messages import NewJob
from wherry.storage import http
from wherry.storage.http import HTTPStorage
from wherry.storage.memory import MemoryStorage
from wherry_server import Limits, create_app
from wherry_server.auth import SCOPES
from wherry_server.serving import serving

TOKEN = "a-token"


def shorten_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once, so that a test of their end does not take seconds."""
    monkeypatch.setattr(http, "_PAUSES_S", (0.01, 0.02, 0.04))
    monkeypatch.setattr(http, "_RECONNECT_S", (0.01, 0.1))


def job(job_id: str) -> NewJob:
    return NewJob(job_id, "", "q", "t", "null")


@asynccontextmanager
async def served(
    port: int = 0, store: MemoryStorage | None = None
) -> AsyncGenerator[tuple[str, MemoryStorage]]:
    async with store or MemoryStorage("served") as storage:
        app = create_app(storage, tokens={TOKEN: SCOPES}, limits=Limits(heartbeat_s=0.1, grace_s=0))
        async with serving(app, port=port) as address:
            yield address.url, storage


Reply = Callable[[bytes], Awaitable[bytes | None]]


@asynccontextmanager
async def fake(reply: Reply) -> AsyncGenerator[str]:
    """Something that speaks as much HTTP as `reply` does; None hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = await reply(head)
            if found is not None:
                writer.write(found)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def response(status: str, media_type: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", body]).encode()


async def error_of_opening(url: str, token: str | None = TOKEN) -> WherryError:
    with pytest.raises(WherryError) as raised:
        async with HTTPStorage(url, token=token):
            pytest.fail("it opened")
    return raised.value


@asynccontextmanager
async def unreliable(url: str, lose: Callable[[int], str]) -> AsyncGenerator[tuple[str, list[bytes]]]:
    """A proxy that loses requests or replies: `lose(number)` is "request", "reply" or ""."""
    seen: list[bytes] = []
    host, _, port = url.removeprefix("http://").partition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().lower().splitlines()
            length = next(
                (int(line.partition(":")[2]) for line in lines if line.startswith("content-length")), 0
            )
            body = await reader.readexactly(length)
            seen.append(body)
            lost = lose(len(seen))
            if lost != "request":
                back, forth = await asyncio.open_connection(host, int(port))
                forth.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
                reply = await back.read()
                forth.close()
                if lost != "reply":
                    writer.write(reply)
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
