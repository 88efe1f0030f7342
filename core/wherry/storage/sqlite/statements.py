"""The SQL of this storage: one statement a file, each with its reason on top, read once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

_ROW = re.compile(r"VALUES (\([^)]*\))")


@cache
def sql(name: str) -> str:
    """The statement of that name, without its comments."""
    text = files("wherry.storage").joinpath("sql", "sqlite", f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()


@cache
def for_rows(name: str, count: int) -> str:
    """An INSERT of one row made one of `count` rows."""
    one = sql(name)
    found = _ROW.search(one)
    assert found, f"{name}.sql has no VALUES"
    return one[: found.start(1)] + ", ".join([found[1]] * count) + one[found.end(1) :]


@cache
def best_of(name: str, arms: int) -> str:
    """A SELECT of jobs repeated `arms` times, merged by rank and cut at a limit, as one JSON text."""
    columns = ", ".join(f"c{number}" for number in range(1, _CLAIM_COLUMNS + 1))
    merged = "\nUNION ALL\n".join([sql(name)] * arms)
    return (
        f"WITH best ({columns}) AS (\n{merged}\nORDER BY 1, 2 LIMIT ?)\n"
        f"SELECT json_group_array(json_array({columns})) FROM best"
    )


_CLAIM_COLUMNS = 15


def script(name: str) -> Sequence[str]:
    """The statements of a schema file; each ends with a semicolon at the end of a line."""
    return [part for part in sql(name).split(";\n") if part.strip(" \n;")]
