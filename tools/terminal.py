"""What build.py says: one line a step with its time, and errors that carry their remedy."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

TITLE_WIDTH = 22
TIME_WIDTH = 9


class BuildError(Exception):
    """A step failed.  `remedy` is one thing to do about it, in words for the person at the terminal."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass
class Step:
    """A step under way.  `note` ends up behind its time."""

    title: str
    started_s: float
    note: str = ""
    unchanged: bool = False


def duration(seconds: float) -> str:
    """Show a duration as people read it: `41 ms`, `3.2 s`, `2 min 05 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def size(count: int) -> str:
    """Show a number of bytes: `812 B`, `41 kB`, `6.3 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"


def say(text: str = "", *, error: bool = False) -> None:
    """Print one line at once, also into a pipe; a terminal without UTF-8 gets `?` for what it lacks."""
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


def tick(title: str, seconds: float, note: str = "", *, mark: str = "✓") -> None:
    """Print the line of a finished step."""
    line = f"  {mark} {title:<{TITLE_WIDTH}}{duration(seconds):>{TIME_WIDTH}}  {note}".rstrip()
    # Clears "… title" where a terminal still shows it.
    say(f"\r\033[K{line}" if sys.stdout.isatty() else line)


@contextmanager
def step(title: str) -> Generator[Step]:
    """Time a step and print its line, ticked or crossed; the error goes on to the caller."""
    current = Step(title, time.monotonic())
    if sys.stdout.isatty():
        print(f"  … {title}", end="", flush=True)
    try:
        yield current
    except BaseException:
        tick(title, time.monotonic() - current.started_s, mark="✗")
        raise
    note = "unchanged" if current.unchanged and not current.note else current.note
    tick(title, time.monotonic() - current.started_s, note)


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print rows with the first column to the left and the others, numbers, to the right."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    for row in [headings, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        say("    " + "  ".join(cells))
