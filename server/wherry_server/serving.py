"""Runs an app with uvicorn inside the caller's event loop: for the command line, the demo and tests."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from wherry.errors import InvalidInput
from wherry_server.service import Service

DEFAULT_PORT = 8420
TRIES = 20
"""Ports tried, the wished one first."""

_GRACE_S = 5
"""How long a stop waits for requests under way; event streams are ended at once."""


class Address(NamedTuple):
    """Where an app listens in fact."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


async def serve(
    app: ASGIApp,
    *,
    stop: asyncio.Event,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    started: Callable[[Address], None] | None = None,
) -> None:
    """Run until `stop` is set; signals are the caller's.

    Args:
        app: from `create_app`, or any ASGI app.
        host: an address of this machine; other than loopback only for an app with tokens.
        port: 0 for any; a port in use gives way to the next free one.
        started: called once with where it listens.

    Raises: `InvalidInput` (an open app elsewhere than on loopback), OSError (no port is free).
    """
    async with serving(app, host=host, port=port) as address:
        if started is not None:
            started(address)
        await stop.wait()


@asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[Address]:
    """The app, listening while the context is entered; leaving it ends streams and awaits requests.

    Raises: what `serve` raises.
    """
    _refuse_open(app, host)
    listener = bind(host, port)
    server = _Server(_config(app), _service_of(app))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.listening(running)
        yield Address(host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.shield(running)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on the port, or on the next free one after it.  Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + TRIES, 65_536)):
        # The protocol is named because asyncio turns Nagle's algorithm off only where it is: without that
        # each answer of two writes waits 40 ms for the reader's acknowledgement (measured).
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener
    raise OSError(
        errno.EADDRINUSE, f"ports {port} to {port + TRIES - 1} of {host} are all in use: name another port"
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, ending event streams before it waits for connections."""

    def __init__(self, config: uvicorn.Config, service: Service | None) -> None:
        super().__init__(config)
        self._service = service
        self._listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._service is not None:
            self._service.close()
        await super().shutdown(sockets)

    async def listening(self, running: asyncio.Task[None]) -> None:
        """Wait until connections are taken; a failed start is raised here."""
        waiting = asyncio.create_task(self._listening.wait())
        await asyncio.wait((waiting, running), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done():
            running.result()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http="h11",
        ws="none",
        lifespan="auto",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _service_of(app: Any) -> Service | None:
    service = getattr(getattr(app, "state", None), "service", None)
    return service if isinstance(service, Service) else None


def _refuse_open(app: ASGIApp, host: str) -> None:
    service = _service_of(app)
    if service is not None and service.tokens.open and not is_loopback(host):
        raise InvalidInput(
            "serve", [f"host: {host} can be reached by others: give the app tokens, or use 127.0.0.1"]
        )


def is_loopback(host: str) -> bool:
    """Only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
