"""How jobs stand before a decision, and the moves that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from wherry.job import Slot
from wherry.messages import ChangeKind, Lapse, Payload, State, Wake
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
    """1 while other jobs wait for it."""

    @property
    def final(self) -> bool:
        return self.slot == Slot.DONE

    def lapse(self, now_ms: int) -> Lapse | None:
        if self.slot == Slot.DONE:
            return None
        if self.doomed:
            return "doomed"
        if self.deadline_at_ms is not None and self.deadline_at_ms <= now_ms:
            return "deadline"
        if self.lease_until_ms is not None and self.lease_until_ms <= now_ms:
            return "lease"
        return None


class Move(NamedTuple):
    """An unfinished job's next place; the columns of `move.sql`."""

    seq: int
    id: str
    slot: int
    rank: int
    state: State
    run_at_ms: int
    revision: int
    attempt: int
    interruptions: int
    last_settled: str | None
    waiting_for: int
    doomed: str | None
    wake: str | None
    errors: str
    """Added to those that are kept."""


class Finish(NamedTuple):
    """A job's end; the columns of `finish.sql`."""

    seq: int
    id: str
    state: State
    fence: int
    last_settled: str | None
    output: Payload | None
    errors: str
    """Added to those that are kept."""
    finished_at_ms: int
    cancel_requested_at_ms: int | None
    hidden: int
    purge_at_ms: int | None


def standing(tx: Transaction, ids: Iterable[str]) -> dict[str, Standing]:
    """The jobs of these ids that are stored."""
    found = tx.list("standing", {"ids": to_json(list(ids))})
    return {row[0]: Standing._make(row) for row in found}


def standing_of(tx: Transaction, seqs: Sequence[int]) -> list[Standing]:
    """The jobs of these numbers, in this order."""
    return [Standing._make(row) for row in tx.list("standing_of", {"seqs": to_json(seqs)})] if seqs else []


def pending(job: Standing, run_at_ms: int, now_ms: int, *, told: bool = True) -> Move:
    """The job pending from `run_at_ms` on; told changes count in its revision."""
    slot = Slot.READY if run_at_ms <= now_ms else Slot.LATER
    rank = job.rank - job.run_at_ms + run_at_ms
    return Move(
        job.seq, job.id, slot, rank, "pending", run_at_ms, job.revision + told, job.attempt,
        job.interruptions, job.last_settled, job.waiting_for, job.doomed, None, "",
    )  # fmt: skip


def finish(tx: Transaction, ends: Sequence[tuple[Standing, Finish]]) -> None:
    """End jobs: their keys are freed, those who wait for them move on."""
    tx.insert("finish", [end for _, end in ends])
    for job, end in ends:
        tx.tell(cast("ChangeKind", end.state), job.lane, job.id, job.revision + 1)
    free_keys(tx, [job for job, _ in ends if job.unique_hold in ("queued", "done")])
    for job, end in ends:
        if job.is_parent:
            _free_those_waiting(tx, job, end.state)


def free_keys(tx: Transaction, jobs: Sequence[Standing]) -> None:
    if jobs:
        tx.run("free_keys", (to_json([job.seq for job in jobs]),))


def resume(tx: Transaction, jobs: Sequence[Standing]) -> None:
    """Suspended jobs come back, due now."""
    tx.insert("move", [pending(job, tx.now_ms, tx.now_ms) for job in jobs])
    tell_all(tx, "released", jobs)


def tell_all(tx: Transaction, kind: ChangeKind, jobs: Iterable[Standing]) -> None:
    for job in jobs:
        tx.tell(kind, job.lane, job.id, job.revision + 1)


def wake_text(wake: Wake) -> str:
    return to_json(wake)


def read_wake(text: str) -> Wake:
    after_ms, signals, jobs = json.loads(text)
    return Wake(after_ms, tuple(signals), tuple(jobs))


def all_final(tx: Transaction, ids: Sequence[str]) -> bool:
    return not tx.list("unfinished", {"ids": to_json(ids)})


def _free_those_waiting(tx: Transaction, parent: Standing, state: State) -> None:
    waiting: list[Any] = tx.list("children", {"parent": parent.seq})
    tx.run("drop_edges", {"parent": parent.seq})
    stand = standing(tx, {job_id for _, job_id in waiting})
    edges: dict[str, list[str]] = {}
    for on_failure, job_id in waiting:
        edges.setdefault(job_id, []).append(on_failure)
    _free_children(tx, [(stand[job_id], held) for job_id, held in edges.items()], state)
    sleepers = sorted(job_id for job_id, held in edges.items() if "wake" in held)
    resume(tx, [stand[job_id] for job_id in sleepers if _may_wake(tx, stand[job_id])])


def _free_children(tx: Transaction, children: Sequence[tuple[Standing, list[str]]], state: State) -> None:
    moves: list[Move] = []
    for child, held in children:
        if child.state != "blocked":
            continue
        failures = [edge for edge in held if edge != "run" and state != "completed"]
        doomed = child.doomed or (failures[0] if failures else None)
        child = child._replace(waiting_for=child.waiting_for - len(held), doomed=doomed)
        if child.doomed or child.waiting_for:
            moves.append(_still_blocked(child))
        else:
            moves.append(pending(child, child.run_at_ms, tx.now_ms))
            tx.tell("released", child.lane, child.id, child.revision + 1)
    tx.insert("move", moves)


def _still_blocked(child: Standing) -> Move:
    move = pending(child, child.run_at_ms, child.run_at_ms, told=False)
    return move._replace(state="blocked", slot=DOOMED if child.doomed else Slot.BLOCKED)


def _may_wake(tx: Transaction, sleeper: Standing) -> bool:
    if sleeper.state != "suspended" or sleeper.wake is None:
        return False
    # An edge may be left from an earlier sleep, so what it sleeps on now decides.
    jobs = read_wake(sleeper.wake).jobs
    return bool(jobs) and all_final(tx, jobs)
