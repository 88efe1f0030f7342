"""Other processes for tests, each running one command of `sqlite_child.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CHILD = Path(__file__).with_name("sqlite_child.py")


class Child:
    """A process that runs one command of `sqlite_child.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def says(self) -> str:
        """Its next line, "" at its end."""
        return _pipe(self.process.stdout).readline().strip()

    def rest(self) -> list[str]:
        """Its remaining lines; it must have ended well and without a word of complaint."""
        out, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, ""), errors
        return out.splitlines()

    def tell(self) -> None:
        stdin = _pipe(self.process.stdin)
        stdin.write("\n")
        stdin.flush()

    def kill(self) -> list[str]:
        """End it with SIGKILL; the whole lines that it had said by then."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)
        return _pipe(self.process.stdout).read().split("\n")[:-1]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def child(command: str, path: Path, **environment: str) -> Generator[Child]:
    process = subprocess.Popen(
        [sys.executable, CHILD, command, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    with process:
        try:
            yield Child(process)
        finally:
            process.kill()


@contextmanager
def children(command: str, path: Path, count: int) -> Generator[list[Child]]:
    """Children that are all ready, and then told to go at once."""
    if not count:
        yield []
        return
    with child(command, path) as first, children(command, path, count - 1) as others:
        assert first.says() == "ready"
        yield [first, *others]
