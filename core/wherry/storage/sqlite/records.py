"""`read` and `write`: small named values with a version."""

from __future__ import annotations

from collections.abc import Sequence

from wherry.messages import Record, RecordWrite
from wherry.storage.sqlite.transaction import Transaction


def write_records(tx: Transaction, writes: Sequence[RecordWrite]) -> bool:
    """Compare all, then swap all; False when one does not stand."""
    for kind, key, expected, _ in writes:
        if expected is not None and (tx.value("record_version", {"kind": kind, "key": key}) or 0) != expected:
            return False
    for kind, key, _, value in writes:
        if value is None:
            tx.run("drop_record", (kind, key))
        else:
            tx.run("put_record", (kind, key, value))
    return True


def read_records(tx: Transaction, kind: str, prefix: str) -> list[Record]:
    found = tx.list("read_records", {"kind": kind, "prefix": prefix, "beyond": _beyond(prefix)})
    return [Record(*row) for row in found]


def _beyond(prefix: str) -> str | None:
    """The first text after all those that start with `prefix`; None when there is no end."""
    for at in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[at]) + 1
        if following == 0xD800:  # surrogates are no characters of their own
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix[:at] + chr(following)
    return None
