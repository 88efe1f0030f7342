"""`wherry serve`: a storage for others, over HTTP."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from wherry import Server, load_tasks
from wherry.storage.protocol import Storage
from wherry.sweeper import Sweeper
from wherry_server.cli.arguments import DEFAULT_PORT, JsonOption, StorageArgument, storage_first
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, Interrupts, opened, run
from wherry_server.cli.worker import split_names

if TYPE_CHECKING:
    from wherry_server.serving import Address

LEASE_S = 30.0


def serve(
    storage: StorageArgument = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Of this machine, to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="0 for any; in use: the next.")
    ] = DEFAULT_PORT,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            envvar="WHERRY_TOKEN",
            show_envvar=False,
            show_default=False,
            help="What callers must show; else WHERRY_TOKEN, else one is made and printed.",
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--tasks", metavar="MODULE", help="Also run the tasks of this module in this process."),
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Jobs that run at once, with --tasks.")] = 8,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Whose pages may call; may be given again.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Serve a storage over HTTP.

    Until Ctrl-C or SIGTERM; a second one ends it at once. The address is printed with its token, alone on
    a line, unless the token was given.
    """
    url, _ = storage_first(storage)
    screen = Screen(json=json)
    command = Serving(screen, url, token, split_names(tasks), concurrency, split_names(cors))
    run(screen, command.run(host, port))


class Serving:
    """One `wherry serve`."""

    def __init__(
        self,
        screen: Screen,
        url: str,
        token: str | None,
        modules: Sequence[str],
        concurrency: int,
        cors: Sequence[str],
    ) -> None:
        self._screen, self._url, self._modules = screen, url, modules
        self._given, self._token = token is not None, token or secrets.token_urlsafe(24)
        self._concurrency, self._cors = concurrency, cors
        self._wanted_port = 0

    async def run(self, host: str, port: int) -> int:
        """Serve until stopped.  Raises: `InvalidInput` and what opening the storage raises; OSError."""
        from wherry_server.app import create_app
        from wherry_server.auth import SCOPES
        from wherry_server.serving import serve as serve_app

        self._wanted_port = port
        interrupts = Interrupts()
        async with AsyncExitStack() as stack:
            storage = await stack.enter_async_context(opened(self._url, create=True))
            server = await self._workers(stack, storage)
            app = create_app(storage, tokens={self._token: SCOPES}, cors=self._cors, server=server)
            # Whoever works may be gone: somebody must give back what they held.
            sweeping = asyncio.create_task(Sweeper(storage, lease_ms=round(LEASE_S * 1000)).run())
            stack.push_async_callback(_ended, sweeping)
            stack.enter_context(interrupts.heard(first=lambda: self._screen.note("Stopping.")))
            await serve_app(app, stop=interrupts.stop, host=host, port=port, started=self._say)
        return OK

    async def _workers(self, stack: AsyncExitStack, storage: Storage) -> Server | None:
        if not self._modules:
            return None
        sys.path.insert(0, "")
        server = Server(storage, load_tasks(self._modules), concurrency=self._concurrency, lease=LEASE_S)
        return await stack.enter_async_context(server)

    def _say(self, address: Address) -> None:
        if self._screen.json:
            self._screen.data(
                {"event": "ready", "url": address.url, "token": None if self._given else self._token}
            )
            return
        if self._wanted_port not in (0, address.port):
            self._screen.note(f"Port {self._wanted_port} is in use: took {address.port}.")
        self._screen.text(address.url if self._given else f"{address.url}/#token={self._token}")
        said = (
            "The token is the one given."
            if self._given
            else "The token is behind the #: keep it to yourself."
        )
        self._screen.note(Text(f"{said} Ctrl-C stops.", "fog"))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
