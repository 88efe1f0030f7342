"""Where a command's text goes: results to stdout, reasons to stderr, both without markup of their own."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from wherry_server.cli.words import LOOKS, plain

# The colours of the page, between its light and its dark set: a terminal's ground is not known.
THEME = Theme(
    {
        "water": "#4b8fb0",
        "moss": "#5f9a70",
        "signal": "#d9622b",
        "rust": "#cf5a50",
        "sand": "#c9a14a",
        "fog": "bright_black",
        "strong": Style(bold=True),
    },
    inherit=False,
)
_UNBOUNDED = 100_000
"""Width where no terminal is: what is read by a program must not be cut."""


class Screen:
    """One command's output.

    Args:
        json: results are JSON, and so are reasons; nothing is drawn.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.out, self.err = _console(stderr=False), _console(stderr=True)

    @property
    def live(self) -> bool:
        """Somebody watches: lines may be drawn over."""
        return self.err.is_terminal and not self.json

    # --- results -----------------------------------------------------------------------------------
    def text(self, text: str) -> None:
        """A result as it is, one line or more."""
        sys.stdout.write(f"{plain(text) if self.out.is_terminal else text}\n")
        sys.stdout.flush()

    def data(self, value: Any) -> None:
        """A result as one line of JSON."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def show(self, *parts: Any) -> None:
        """A result that is drawn."""
        if self.out.is_terminal:
            self.out.print(*parts, sep="\n")
            return
        with self.out.capture() as captured:
            self.out.print(*parts, sep="\n", soft_wrap=True)
        # Tables fill their last column with spaces, which a file or a pipe has no use for.
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
        sys.stdout.flush()

    # --- reasons -----------------------------------------------------------------------------------
    def note(self, text: str | Text) -> None:
        """A line for the person at the terminal; nothing with --json."""
        if not self.json:
            self.err.print(text, soft_wrap=True)

    def refuse(self, code: str, message: str) -> None:
        """Why nothing was done: the message ends in its remedy, the code is for programs."""
        if self.json:
            text = json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False)
            sys.stderr.write(f"{text}\n")
            return
        line = Text.assemble(("wherry: ", "rust"), plain(message), (f"  [{code}]", "fog"))
        self.err.print(line, soft_wrap=True)

    # --- pieces ------------------------------------------------------------------------------------
    def state(self, name: str) -> Text:
        """A state as mark and word: never by colour alone."""
        return Text(f"{self.mark(name)} {name}", LOOKS[name].style)

    def mark(self, name: str) -> str:
        look = LOOKS[name]
        return look.mark if self.speaks(look.mark) else look.ascii

    def speaks(self, text: str) -> bool:
        """Whether the terminal's encoding has these characters."""
        try:
            text.encode(self.out.encoding)
        except UnicodeEncodeError:
            return False
        return True


def columns(*names: str, right: tuple[str, ...] = (), wide: str = "") -> Table:
    """A quiet table: no lines, grey headings.  Only `wide` is cut when space is short."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="fog", pad_edge=False)
    for name in names:
        justify = "right" if name in right else "left"
        table.add_column(
            name, justify=justify, no_wrap=True, overflow="ellipsis", min_width=4 if name == wide else None
        )
    return table


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, theme=THEME, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNBOUNDED
    return console
