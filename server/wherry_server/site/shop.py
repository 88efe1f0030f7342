"""The workshop in which a site is made: programs, places, and errors that carry their remedy."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wherry.errors import WherryError

HERE = Path(__file__).resolve().parent
PINS = HERE / "runtime-pins.txt"

Run = Callable[[Sequence[str | Path], str, str], str]
"""Runs a program: the command, what it is for (one word) and its standard input; returns its output."""


class SiteError(WherryError):
    """A site cannot be made; nothing of the one that may be there was changed."""

    code = "site_failed"

    def __init__(self, message: str, *, code: str = "site_failed") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Shop:
    """What the steps of a site work with."""

    node: Path
    """The Node program, which runs Pyodide to compile for it."""
    pyodide: Path
    """Folder of the npm package."""
    cache: Path
    """What is made from equal inputs is taken from here; may be deleted at any time."""
    made: Path
    """Where files are made anew each time."""
    run: Run


def file_sha256(path: Path) -> str:
    """Hash one file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(paths: Iterable[Path], *words: str) -> str:
    """Hash the names and contents of files and some further words; where they lie does not matter."""
    total = hashlib.sha256()
    for word in words:
        total.update(word.encode() + b"\0")
    for path in paths:
        total.update(f"{path.name} {file_sha256(path)}\0".encode())
    return total.hexdigest()


def replace(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)
