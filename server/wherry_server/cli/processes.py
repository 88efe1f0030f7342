"""Workers as child processes, started again when one ends by itself."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Literal

from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, REFUSED, Interrupts
from wherry_server.cli.words import count

RESTART_S = 1.0
_SHORT_LIFE_S = 5.0
_MOST_SHORT_LIVES = 3
"""A process that ends so often soon after its start will not do better the next time."""
_LINE_BYTES = 2**20

State = Literal["starting", "running", "restarting", "stopped"]


class Child:
    """One `wherry` command as a child process that is kept running.

    It has a session of its own, so that Ctrl-C at the terminal reaches it only through its parent, and a
    pipe as stdin, so that it stops by itself when the parent is killed.

    Args:
        arguments: of the `wherry` command.
        lines: called with each line that it prints; None lets it print to our own stdout.
        log: takes what it writes to stderr; None lets it write to ours.
        environment: variables to add.
    """

    def __init__(
        self,
        arguments: Callable[[], Sequence[str]],
        *,
        lines: Callable[[str], None] | None = None,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._arguments, self._lines, self._log = arguments, lines, log
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._short_lives = 0
        self.state: State = "starting"
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """None while there is no process."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def keep(self) -> int:
        """Run it, and again when it is killed; return the exit code with which it ended for good."""
        while True:
            started_s = time.monotonic()
            code = await self._run_once()
            if self._stopping or self._is_final(code, time.monotonic() - started_s):
                self.state = "stopped"
                return code
            self.state = "restarting"
            await asyncio.sleep(RESTART_S)
            if self._stopping:
                self.state = "stopped"
                return OK
            self.restarts += 1

    def _is_final(self, code: int, lived_s: float) -> bool:
        self._short_lives = self._short_lives + 1 if lived_s < _SHORT_LIFE_S and code > 0 else 0
        return code in (OK, REFUSED) or self._short_lives >= _MOST_SHORT_LIVES

    async def _run_once(self) -> int:
        self.state = "starting"
        with self._log.open("ab") if self._log else nullcontext() as log:
            self._process = process = await self._spawn(log)
        if process.stdout is not None and self._lines is not None:
            async for line in process.stdout:
                self.state = "running" if self.state == "starting" else self.state
                self._lines(line.decode(errors="replace").rstrip("\n"))
        return await process.wait()

    async def _spawn(self, log: IO[bytes] | None) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "wherry_server.cli",
            *self._arguments(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if self._lines else None,
            stderr=log,
            env=self._environment,
            start_new_session=True,
            limit=_LINE_BYTES,
        )

    def stop(self) -> None:
        """Ask it to stop gracefully, and do not start it again."""
        self._stopping = True
        if self.pid is not None and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        if self.pid is not None and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def run_processes(screen: Screen, arguments: Sequence[Sequence[str]], token: str | None) -> int:
    """Run a worker for each of these arguments until stopped; 2 when one could not."""
    environment = {"WHERRY_TOKEN": token} if token else {}
    children = [Child(lambda one=one: one, environment=environment) for one in arguments]
    interrupts = Interrupts()

    def begin() -> None:
        screen.note(f"Stopping {count(len(children), 'worker')}.")

    def end() -> None:
        for child in children:
            child.kill()

    with interrupts.heard(first=begin, last=end):
        keeping = [asyncio.create_task(child.keep()) for child in children]
        stopping = asyncio.create_task(interrupts.stop.wait())
        # One that cannot run at all ends the others: the command as a whole does not do what was asked.
        await asyncio.wait((stopping, *keeping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for child in children:
            child.stop()
        codes = await asyncio.gather(*keeping)
    return max(REFUSED if code > 0 else OK for code in codes)
