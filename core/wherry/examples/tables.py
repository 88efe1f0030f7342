"""Reads CSV text as people and programs write it: any of four delimiters, with or without a heading."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from wherry.errors import PermanentError

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
_SHOWN_LENGTH = 80
_BOOLEANS = frozenset({"true", "false", "yes", "no"})


def find_delimiter(name: str, text: str) -> str | None:
    """What parts the columns; None when the text is no table.

    A file named .csv or .tsv may be ragged and have one column; any other must have the same two columns
    or more in all of its first lines, so that prose with commas stays prose.
    """
    sample = [line for line in text.splitlines()[:_SAMPLE_LINES] if line.strip()]
    if name.lower().endswith((".csv", ".tsv")):
        fallback = "\t" if name.lower().endswith(".tsv") else ","
        return max(_DELIMITERS, key=lambda one: (_agreement(sample, one), one == fallback))
    return next((one for one in _DELIMITERS if len(sample) >= 2 and _agreement(sample, one) == 1), None)


def _agreement(sample: Sequence[str], delimiter: str) -> float:
    """The share of lines that have as many columns as the first, if that has two or more."""
    try:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter)]
    except csv.Error:
        return 0
    return widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0


def table_facts(text: str, delimiter: str) -> dict[str, Any]:
    """Rows and, of each column: type, filled and empty cells, distinct values, smallest, largest, mean.

    Raises: `PermanentError` when a quoted cell never ends or a cell is too long.
    """
    rows = _read(text, delimiter)
    heading, rows = _heading(rows)
    width = len(heading)
    ragged = sum(len(row) != width for row in rows)
    cells = [[row[number].strip() if number < len(row) else "" for row in rows] for number in range(width)]
    columns = [
        {"name": name, **_column_facts(column, delimiter)}
        for name, column in zip(heading, cells, strict=True)
    ]
    return {"rows": len(rows), "ragged": ragged, "columns": columns}


def _read(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [row for row in reader if row]
    except csv.Error as error:
        raise PermanentError(f"no proper CSV at line {reader.line_num}: {error}.") from None


def _heading(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The columns' names, and the rows below them.  A first row with a number in it is no heading."""
    first = [cell.strip() for cell in rows[0]]
    named = all(first) and len(set(first)) == len(first)
    if named and not any(_number(cell) is not None for cell in first):
        return first, rows[1:]
    return [f"column {number}" for number in range(1, max(map(len, rows)) + 1)], rows


def _column_facts(cells: Sequence[str], delimiter: str) -> dict[str, Any]:
    filled = [cell for cell in cells if cell]
    facts: dict[str, Any] = {
        "filled": len(filled),
        "empty": len(cells) - len(filled),
        "distinct": len(set(filled)),
    }
    # Where the semicolon parts columns, the comma is the decimal point.
    plain = [cell.replace(",", ".") for cell in filled] if delimiter == ";" else filled
    numbers = _all(plain, _number)
    if not filled:
        return facts | _range("empty", ())
    if numbers is not None:
        return facts | _range("number", numbers) | {"mean": math.fsum(numbers) / len(numbers)}
    if all(cell.lower() in _BOOLEANS for cell in filled):
        return facts | _range("boolean", filled)
    if (dates := _all(filled, _date)) is not None:
        return facts | _range("date", dates)
    return facts | _range("text", filled)


def _range(kind: str, values: Iterable[Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "min": _shown(min(values, default=None)),
        "max": _shown(max(values, default=None)),
        "mean": None,
    }


def _shown(value: Any) -> Any:
    return value[:_SHOWN_LENGTH] if isinstance(value, str) else value


def _all(cells: Sequence[str], read: Callable[[str], Any]) -> list[Any] | None:
    """Every cell as a value, or None as soon as one is none."""
    values: list[Any] = []
    for cell in cells:
        value = read(cell)
        if value is None:
            return None
        values.append(value)
    return values


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in cell else None


def _date(cell: str) -> str | None:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return None
    return cell
