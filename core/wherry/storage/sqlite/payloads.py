"""Large payloads are kept apart from their jobs, see `payloads` in the schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherry.messages import Payload
from wherry.storage.sqlite.transaction import Transaction, to_json

LARGE = 65_536
"""Characters, which are bytes near enough."""

_ELSEWHERE = ""


def stow_input(tx: Transaction, seq: int, text: Payload) -> Payload:
    """What to store in the job's own column."""
    return _stow(tx, 2 * seq, text) if len(text) > LARGE else text


def stow_output(tx: Transaction, seq: int, text: Payload | None) -> Payload | None:
    """What to store in the job's own column."""
    return text if text is None or len(text) <= LARGE else _stow(tx, 2 * seq + 1, text)


def _stow(tx: Transaction, number: int, text: Payload) -> Payload:
    tx.run("put_payload", (number, text))
    return _ELSEWHERE


def fill_in(tx: Transaction, rows: Sequence[list[Any]], place: int) -> None:
    """Put large payloads where they belong: their number stands there so far."""
    numbers = [row[place] for row in rows if isinstance(row[place], int)]
    if not numbers:
        return
    texts = dict(tx.rows("payloads", {"numbers": to_json(numbers)}))
    for row in rows:
        if isinstance(row[place], int):
            row[place] = texts.get(row[place], _ELSEWHERE)
