"""How jobs stand when a verb decides about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wherry.job import Slot
from wherry.messages import Lapse, State, Wake
from wherry.storage.sqlite.transaction import Transaction, to_json

DOOMED = 6
"""The slot of a blocked job that a parent has doomed, next to those of `wherry.job.Slot`."""


class Standing(NamedTuple):
    """A job as its row was read in this transaction; the columns of `standing.sql`."""

    id: str
    seq: int
    lane: int
    slot: int
    state: State
    fence: int
    revision: int
    rank: int
    run_at_ms: int
    attempt: int
    interruptions: int
    lease_until_ms: int | None
    deadline_at_ms: int | None
    cancel_requested_at_ms: int | None
    unique_hold: str | None
    last_settled: str | None
    waiting_for: int
    doomed: str | None
    wake: str | None
    is_parent: int
    """1 while other jobs wait for it, or it is the last in the line of its ordering key."""

    @property
    def final(self) -> bool:
        return self.slot == Slot.DONE

    def lapse(self, now_ms: int) -> Lapse | None:
        if self.final:
            return None
        if self.doomed:
            return "doomed"
        if self.deadline_at_ms is not None and self.deadline_at_ms <= now_ms:
            return "deadline"
        if self.lease_until_ms is not None and self.lease_until_ms <= now_ms:
            return "lease"
        return None


def standing(tx: Transaction, ids: Iterable[str]) -> dict[str, Standing]:
    """The jobs of these ids that are stored."""
    found = tx.list("standing", {"ids": to_json(list(ids))})
    return {row[0]: Standing._make(row) for row in found}


def standing_of(tx: Transaction, seqs: Sequence[int]) -> list[Standing]:
    """The jobs of these numbers, in this order."""
    return [Standing._make(row) for row in tx.list("standing_of", {"seqs": to_json(seqs)})] if seqs else []


def wake_text(wake: Wake) -> str:
    return to_json(wake)


def read_wake(text: str) -> Wake:
    after_ms, signals, jobs = json.loads(text)
    return Wake(after_ms, tuple(signals), tuple(jobs))
