"""Sums up a table, with the standard library only."""

import csv
from collections.abc import Iterable
from math import isfinite
from statistics import fmean, median
from typing import Any, TypedDict

from wherry import Context, PermanentError, task

BINS = 16


class File(TypedDict):
    name: str
    text: str


@task(name="table.summary")
def summary(file: File, context: Context) -> dict[str, Any]:
    """The columns that hold numbers: their spread, and how often each part of it occurs."""
    lines = file["text"].lstrip("\ufeff").splitlines()
    if not lines:
        raise PermanentError(f"{file['name']} is empty: choose a file with a table in it.")
    dialect = max(",;\t|", key=lines[0].count)
    heading, *rows = csv.reader(lines, delimiter=dialect)
    columns: list[dict[str, Any]] = []
    for number, name in enumerate(heading):
        context.progress(100 * number / len(heading), f"measuring {name}")
        values = numbers(row[number] for row in rows if number < len(row))
        if values:
            columns.append({"name": name, **spread(values)})
    if not columns:
        raise PermanentError(f"{file['name']} has no column of numbers: choose another table.")
    return {"name": file["name"], "rows": len(rows), "columns": columns}


def numbers(cells: Iterable[str]) -> list[float]:
    """The cells as numbers; none at all where a cell is anything else."""
    filled = [cell for cell in map(str.strip, cells) if cell]
    try:
        return [value for value in map(float, filled) if isfinite(value)]
    except ValueError:
        return []


def spread(values: list[float]) -> dict[str, Any]:
    least, most = min(values), max(values)
    bins = [0] * BINS
    for value in values:
        bins[min(BINS - 1, int(BINS * (value - least) / ((most - least) or 1)))] += 1
    return {"least": least, "mean": fmean(values), "median": median(values), "most": most, "bins": bins}
