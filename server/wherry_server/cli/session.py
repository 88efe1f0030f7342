"""Runs a command's coroutine: opens its storage, turns errors into exit codes, listens to signals."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from wherry import JobNotFound, StorageUnavailable, WherryError, open_storage
from wherry.storage.protocol import Storage
from wherry_server.cli.arguments import split_token
from wherry_server.cli.screen import Screen

OK, JOB_FAILED, REFUSED, NOT_FOUND, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(screen: Screen, work: Coroutine[Any, Any, int]) -> None:
    """Run to the end; always raises `typer.Exit` with the exit code that says how it went."""
    try:
        code = asyncio.run(_told_once(work))
    except JobNotFound as error:
        screen.refuse(error.code, str(error))
        code = NOT_FOUND
    except WherryError as error:
        screen.refuse(error.code, str(error))
        code = REFUSED
    except BrokenPipeError:
        code = BROKEN_PIPE
    except OSError as error:
        screen.refuse(
            "system", f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."
        )
        code = REFUSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise typer.Exit(code)


async def _told_once(work: Coroutine[Any, Any, int]) -> int:
    """Let no expected error of a background task print a traceback: the command says it in one line."""

    def hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), WherryError):
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(hear)
    return await work


@asynccontextmanager
async def opened(url: str, token: str | None = None, *, create: bool = False) -> AsyncGenerator[Storage]:
    """The storage of a URL.

    Args:
        url: a storage URL, or an address as `wherry serve` prints it.
        token: for a wherry server.
        create: make the file of `sqlite:` if it is not there; a mistyped name must not leave one behind.

    Raises: what `open_storage` raises; `StorageUnavailable` when there is no such file.
    """
    address, own_token = split_token(url)
    if not create:
        _require_file(address)
    async with open_storage(address, token=token or own_token) as storage:
        yield storage


def _require_file(url: str) -> None:
    if not url.startswith("sqlite:"):
        return
    path = Path(url.removeprefix("sqlite:").partition("?")[0])
    if not path.exists():
        raise StorageUnavailable(f"there is no file {path}: start a worker or a server on it first.")


class Interrupts:
    """What Ctrl-C and SIGTERM ask for: the first one sets `stop`, the second ends the process at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()

    @contextmanager
    def heard(self, first: Callable[[], None], last: Callable[[], None] = lambda: None) -> Generator[None]:
        """Listen while the context is entered.

        Args:
            first: called once, when the stop begins.
            last: called before the process ends at once.
        """
        loop = asyncio.get_running_loop()

        def begin() -> None:
            if not self.stop.is_set():
                self.stop.set()
                first()

        def hear(number: int, _frame: FrameType | None) -> None:
            if heard:
                last()
                # Nothing is cleaned up, as asked: leases lapse and others take the jobs.
                os._exit(128 + number)
            heard.append(number)
            loop.call_soon_threadsafe(begin)

        heard: list[int] = []
        before = {number: signal.signal(number, hear) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
