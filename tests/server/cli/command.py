"""The `wherry` command for tests: in this process, or as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from wherry import Filter, Server, Task, open_storage
from wherry.examples import basic, library
from wherry.job import JobRow
from wherry_server.cli import main

TASKS = (basic.echo, basic.reverse, basic.count_words, basic.wait, library.index)
_PATIENCE_S = 30.0


# --- in this process -----------------------------------------------------------------------------
class Said(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def refused(said: Said, code: str, *words: str) -> None:
    """Exit code 2, one line on stderr with the error's code, nothing on stdout."""
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.endswith(f"[{code}]\n")
    for word in words:
        assert word in said.err


class Wherry:
    """Runs commands as `main([...])`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        code = main(arguments)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)


def prepare(url: str, tasks: Iterable[Task[Any, Any]] = TASKS) -> None:
    """Make the store and tell its manifest of the tasks, as a worker's start does."""

    async def start_and_stop() -> None:
        async with open_storage(url) as storage, Server(storage, tasks):
            pass

    asyncio.run(start_and_stop())


@contextmanager
def working(url: str, tasks: Iterable[Task[Any, Any]] = TASKS) -> Generator[None]:
    """A worker in a thread of its own while the context is entered."""
    started, stop = threading.Event(), threading.Event()

    async def work() -> None:
        async with open_storage(url) as storage, Server(storage, tasks):
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    assert started.wait(_PATIENCE_S)
    try:
        yield
    finally:
        stop.set()
        thread.join(_PATIENCE_S)


def rows(url: str, **where: Any) -> list[JobRow]:
    """The jobs of a store, newest first."""

    async def read() -> list[JobRow]:
        async with open_storage(url) as storage:
            found, _ = await storage.query(Filter(**where), limit=1000)
            return list(found)

    return asyncio.run(read())


# --- as a process --------------------------------------------------------------------------------
class Process:
    """A `wherry` command that runs; what it prints is read as it comes."""

    def __init__(self, *arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wherry_server.cli", *arguments],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=_read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in what it has said or will say."""
        found: list[re.Match[str]] = []

        def said() -> bool:
            found.extend(filter(None, (re.search(pattern, line) for line in [*self.out, *self.err])))
            return bool(found)

        until(said, lambda: f"{pattern!r} was not said but {self.out} {self.err}")
        return found[0]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once all that it said is read."""
        code = self.process.wait(_PATIENCE_S)
        for reader in self._readers:
            reader.join(_PATIENCE_S)
        return code


def _read(stream: Any, lines: list[str]) -> None:
    with stream:
        for line in stream:
            lines.append(line.rstrip("\n"))  # noqa: PERF401 - others look at the lines as they come


@contextmanager
def started(*arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> Generator[Process]:
    """The command, ended for sure when the context is left."""
    process = Process(*arguments, cwd=cwd, environment=environment)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.ended()


def until(holds: Callable[[], bool], complaint: Callable[[], str], patience_s: float = _PATIENCE_S) -> None:
    """Look until it holds."""
    deadline_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline_s, complaint()
        time.sleep(0.02)
