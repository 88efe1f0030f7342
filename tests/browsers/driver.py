"""What the tests ask of a browser, whatever protocol drives it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

ANSWER_S = 180
"""What a page does not answer within this must fail a test, not hold up all of them."""
START_S = 60

_END_S = 10


class Page(Protocol):
    """A tab."""

    async def goto(self, url: str) -> None:
        """Load an address, to the end of its scripts."""
        ...

    async def reload(self) -> None: ...

    async def evaluate(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function with a JSON value; its result, awaited, as a JSON value.

        Raises: `PageError`.
        """
        ...

    async def close(self) -> None: ...


class Engine(Protocol):
    """A running browser."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    async def new_page(self) -> Page: ...


class PageError(Exception):
    """What a function in a page threw, or the browser's own refusal."""


def in_json(function: str) -> str:
    """A function of one JSON text that answers with JSON text: no protocol's own form of values is needed."""
    return f"async (text) => JSON.stringify((await ({function})(JSON.parse(text))) ?? null)"


def from_json(text: str) -> Any:
    return json.loads(text)


@asynccontextmanager
async def program(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, log: Path
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A program and all that it starts, ended together; what it prints goes into a file."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await process.wait()
                return


async def line_in(log: Path, sign: str, process: asyncio.subprocess.Process) -> str:
    """The first line of a log that holds `sign`.  Raises: `PageError` when the program ends without it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while process.returncode is None:
                found = [line for line in _lines(log) if sign in line]
                if found:
                    return found[0]
                await asyncio.sleep(0.05)
    said = "\n".join(_lines(log)[-20:])
    raise PageError(f"no line with {sign!r} came from the browser:\n{said}")


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


@asynccontextmanager
async def scratch() -> AsyncGenerator[Path]:
    """A folder for a profile and logs; what a dying browser still writes there does no harm."""
    with tempfile.TemporaryDirectory(prefix="wherry-browser-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
