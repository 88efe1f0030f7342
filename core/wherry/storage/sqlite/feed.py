"""`changes`: what was told, batch by batch."""

from __future__ import annotations

import json
import re
from typing import Any

from wherry.messages import Change, Changes, Cursor
from wherry.storage.sqlite.transaction import Transaction

KEPT_BATCHES = 20_000
KEPT_MS = 3_600_000
"""Batches beyond this number, or older than this, are pruned now and then."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_PRUNE_EVERY = 256
_TOKENS_KEPT_MS = 60_000


def append(tx: Transaction) -> None:
    """Store what this transaction has told; now and then forget what is old."""
    newest = tx.append_batch()
    if newest % _PRUNE_EVERY == 0:
        tx.run("prune_feed", {"newest": newest, "keep": KEPT_BATCHES})
        tx.run("prune_old_feed", {"newest": newest, "old_ms": tx.now_ms - KEPT_MS})
        tx.run("prune_claims", {"old_ms": tx.now_ms - _TOKENS_KEPT_MS})
        tx.run("prune_uniques", {"now_ms": tx.now_ms})


def read(tx: Transaction, store_id: str, since: Cursor, limit: int) -> Changes:
    first, last = _ends(tx)
    head = Cursor(f"{store_id}:{last}")
    if not since:
        return Changes((), head, resync=False)
    whose, _, number = since.partition(":")
    if whose != store_id or not _NUMBER.fullmatch(number) or not first - 1 <= int(number) <= last:
        return Changes((), head, resync=True)
    at, items = int(number), list[Change]()
    while at < last and len(items) < max(limit, 1):
        at = _read_some(tx, at, items, limit)
    return Changes(items, Cursor(f"{store_id}:{at}"), resync=False)


def _read_some(tx: Transaction, after: int, items: list[Change], limit: int) -> int:
    """Add changes to `items` until they are enough; the number of the last batch read."""
    at = after
    # Few batches at a time: how many changes are in one is not known before.
    for number, batch in tx.list("read_feed", {"after": after, "limit": 8}):
        at = number
        items += _changes(json.loads(batch))
        if len(items) >= limit:
            break
    return at


def _ends(tx: Transaction) -> tuple[int, int]:
    first, last = tx.list("feed_ends")
    return first or 1, last or 0


def _changes(batch: list[Any]) -> list[Change]:
    return [
        Change(ids[at], namespace, kind, ids[at + 1], lane)
        for kind, namespace, lane, ids in batch
        for at in range(0, len(ids), 2)
    ]
