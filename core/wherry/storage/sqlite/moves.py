"""The moves of jobs that several verbs share, and what follows from them for other jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from wherry.job import Slot
from wherry.messages import ChangeKind, Payload, State
from wherry.storage.sqlite.ordering import leave_line
from wherry.storage.sqlite.payloads import stow_output
from wherry.storage.sqlite.standing import DOOMED, Standing, read_wake, standing
from wherry.storage.sqlite.transaction import Transaction, to_json


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


def pending(job: Standing, run_at_ms: int, now_ms: int, *, told: bool = True) -> Move:
    """The job pending from `run_at_ms` on; told changes count in its revision."""
    slot = Slot.READY if run_at_ms <= now_ms else Slot.LATER
    rank = job.rank - job.run_at_ms + run_at_ms
    return Move(
        job.seq, job.id, slot, rank, "pending", run_at_ms, job.revision + told, job.attempt,
        job.interruptions, job.last_settled, job.waiting_for, job.doomed, None, "",
    )  # fmt: skip


def resume(tx: Transaction, jobs: Sequence[Standing]) -> None:
    """Suspended jobs come back, due now."""
    tx.insert("move", [pending(job, tx.now_ms, tx.now_ms) for job in jobs])
    tx.tell("released", jobs)


def complete(tx: Transaction, ends: Sequence[tuple[Standing, Payload | None]]) -> None:
    """End jobs with their outputs, to be kept."""
    outputs = [(job, stow_output(tx, job.seq, output)) for job, output in ends]
    tx.insert("complete", [(job.seq, job.id, output, tx.now_ms) for job, output in outputs])
    jobs = [job for job, _ in ends]
    tx.tell("completed", jobs)
    _free_others(tx, [(job, "completed") for job in jobs])


def finish(tx: Transaction, ends: Sequence[tuple[Standing, Finish]]) -> None:
    """End jobs in any way."""
    tx.insert("finish", [end for _, end in ends])
    for job, end in ends:
        tx.tell(cast("ChangeKind", end.state), (job,))
    _free_others(tx, [(job, end.state) for job, end in ends])


def free_keys(tx: Transaction, seqs: Sequence[int]) -> None:
    """Let go of the unique keys that these jobs hold."""
    if seqs:
        tx.run("free_keys", {"seqs": to_json(seqs)})


def all_final(tx: Transaction, ids: Sequence[str]) -> bool:
    return not tx.list("unfinished", {"ids": to_json(ids)})


def _free_others(tx: Transaction, ended: Sequence[tuple[Standing, State]]) -> None:
    """The keys of ended jobs are free, and those who wait for them move on."""
    free_keys(tx, [job.seq for job, _ in ended if job.unique_hold in ("queued", "done")])
    for job, state in ended:
        if job.is_parent:
            _free_those_waiting(tx, job, state)


def _free_those_waiting(tx: Transaction, parent: Standing, state: State) -> None:
    leave_line(tx, parent.seq)
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
    freed: list[Standing] = []
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
            freed.append(child)
    tx.insert("move", moves)
    tx.tell("released", freed)


def _still_blocked(child: Standing) -> Move:
    move = pending(child, child.run_at_ms, child.run_at_ms, told=False)
    return move._replace(state="blocked", slot=DOOMED if child.doomed else Slot.BLOCKED)


def _may_wake(tx: Transaction, sleeper: Standing) -> bool:
    if sleeper.state != "suspended" or sleeper.wake is None:
        return False
    # An edge may be left from an earlier sleep, so what it sleeps on now decides.
    jobs = read_wake(sleeper.wake).jobs
    return bool(jobs) and all_final(tx, jobs)
