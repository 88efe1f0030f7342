"""Steps that run once for the same inputs, and never twice at the same time."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from tools.paths import LOCKS, STAMPS

IGNORED = {"__pycache__"}


def files_below(*folders: Path) -> list[Path]:
    """List the files of some folders, sorted; bytecode caches are left out, absent folders are empty."""
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not IGNORED.intersection(path.parts))


def file_sha256(path: Path) -> str:
    """Hash one file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(paths: Iterable[Path], *words: str) -> str:
    """Hash the names and contents of files and some further words that a step depends on."""
    total = hashlib.sha256()
    for word in words:
        total.update(word.encode() + b"\0")
    for path in paths:
        total.update(str(path).encode() + b"\0" + file_sha256(path).encode())
    return total.hexdigest()


def is_fresh(name: str, key: str, *outputs: Path) -> bool:
    """Tell whether step `name` ended well for these inputs, and its outputs are still there."""
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text() == key and all(path.exists() for path in outputs)


def mark_fresh(name: str, key: str) -> None:
    """Remember that step `name` ended well for these inputs."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(key)


@contextmanager
def exclusive(name: str) -> Generator[None]:
    """Hold step `name` among all build.py processes of this checkout; the kernel frees it at a crash."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
