"""Rows cut into parts that one request can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

Row = TypeVar("Row", bound=tuple[Any, ...])

_NAME_SIZE = 24
"""Of a member's name and marks, rounded up."""


def in_parts(rows: Sequence[Row], most: int) -> list[Sequence[Row]]:
    """The rows in order, in parts of at most `most` bytes each, or of one row that is larger.

    At least one part, which may be empty.
    """
    parts: list[list[Row]] = [[]]
    filled = 0
    for row in rows:
        size = wire_size(row)
        if parts[-1] and filled + size > most:
            parts.append([])
            filled = 0
        parts[-1].append(row)
        filled += size
    return list(parts)


def wire_size(value: object) -> int:
    """About so many bytes on the wire, rounded up: a payload's quotes are escaped there."""
    if isinstance(value, str):
        size = len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
        return _NAME_SIZE + 2 * size
    if isinstance(value, tuple):
        return _NAME_SIZE + sum(map(wire_size, cast("tuple[object, ...]", value)))
    return 2 * _NAME_SIZE
