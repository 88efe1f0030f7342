"""Statistics of a file that somebody drops on a page.  In a tab, the file stays there."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from wherry import Context, PermanentError, task
from wherry.examples.tables import find_delimiter, table_facts

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MOST_FREQUENT = 20
_UNREADABLE = 0.02
"""More than this share of replacement characters: the file was in another encoding, or no text."""


@task(name="file.statistics", queue="files", place="browser")
def statistics(file: dict[str, Any], context: Context) -> dict[str, Any]:
    """Tell what is in a text or CSV file: `{"name": "a.csv", "text": "..."}`.

    Raises: `PermanentError` when it is empty, is no text, or is no proper CSV.
    """
    name, text = _checked(file)
    context.progress(20, "counting words")
    facts = {"kind": "text", "name": name, **text_facts(text)}
    context.progress(60, "looking for columns")
    delimiter = find_delimiter(name, text)
    if delimiter is not None:
        context.progress(70, "measuring columns")
        facts |= {"kind": "csv", "delimiter": delimiter, **table_facts(text, delimiter)}
    return facts


def text_facts(text: str) -> dict[str, Any]:
    """Counts over a text; words as `wc` counts them, the frequent ones without digits and case."""
    lines = text.splitlines()
    spoken = Counter(word.casefold() for word in _WORD.findall(text))
    frequent = sorted(spoken.items(), key=lambda one: (-one[1], one[0]))[:_MOST_FREQUENT]
    return {
        "bytes": len(text.encode()),
        "lines": len(lines),
        "words": len(text.split()),
        "characters": len(text),
        "unique_words": len(spoken),
        "longest_line": max(map(len, lines), default=0),
        "frequent": [list(one) for one in frequent],
    }


def _checked(file: dict[str, Any]) -> tuple[str, str]:
    name, text = file.get("name"), file.get("text")
    if not isinstance(name, str) or not isinstance(text, str):
        raise PermanentError('a file is given as {"name": text, "text": text}.')
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise PermanentError(f"{name} is empty: choose a file with some text in it.")
    unreadable = text.count("\ufffd") / len(text)
    if "\0" in text or unreadable > _UNREADABLE:
        raise PermanentError(f"{name} is no UTF-8 text: save it as UTF-8, or choose a text or CSV file.")
    return name, text
