"""`alter`: operators change many jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wherry.job import Slot
from wherry.messages import Alteration, Filter, State
from wherry.storage.sqlite.filters import STATES, search
from wherry.storage.sqlite.finding import page_of
from wherry.storage.sqlite.moves import Finish, finish, free_keys
from wherry.storage.sqlite.ordering import line_up_again
from wherry.storage.sqlite.standing import Standing, standing_of
from wherry.storage.sqlite.transaction import Transaction, to_json

_UNFINISHED: tuple[State, ...] = ("blocked", "pending", "running", "suspended")
_APPLIES_TO: dict[Alteration, tuple[State, ...]] = {
    "cancel": _UNFINISHED,
    "disable": _UNFINISHED,
    "requeue": ("failed", "cancelled", "disabled"),
    "remove": tuple(state for state in STATES if state not in _UNFINISHED),
}


def alter(tx: Transaction, where: Filter, change: Alteration, limit: int) -> list[str]:
    found = search(tx, where, _APPLIES_TO[change])
    if found is not None and change == "cancel":
        found = found._replace(conditions=f"{found.conditions} AND j.cancel_requested_at_ms IS NULL")
    changed: list[str] = []
    last: str | None = None
    while len(changed) < limit:
        # Some of a page may be left alone, so there may be more to look at.
        page = standing_of(tx, page_of(tx, found, limit - len(changed), after=last, descending=False))
        if not page:
            break
        changed += [job.id for run in _runs(tx, page) for job in _CHANGES[change](tx, run)]
        last = page[-1].id
    return changed


def _runs(tx: Transaction, page: Sequence[Standing]) -> Iterator[Sequence[Standing]]:
    """Jobs that can be changed together: ending a parent moves its children, which may come next."""
    if not any(job.is_parent for job in page):
        yield page
        return
    for job in page:
        yield standing_of(tx, [job.seq])


def _cancel(tx: Transaction, jobs: Sequence[Standing]) -> Sequence[Standing]:
    asked = [job for job in jobs if job.slot == Slot.HELD]
    if asked:
        tx.run("ask_to_stop", {"now_ms": tx.now_ms, "seqs": to_json([job.seq for job in asked])})
        tx.tell("cancelling", asked)
        for job in asked:
            tx.held.pop(job.id, None)
    idle = [job for job in jobs if job.slot != Slot.HELD]
    ends = [_end(tx, job, "cancelled")._replace(cancel_requested_at_ms=tx.now_ms) for job in idle]
    finish(tx, list(zip(idle, ends, strict=True)))
    return jobs


def _disable(tx: Transaction, jobs: Sequence[Standing]) -> Sequence[Standing]:
    ends = [_end(tx, job, "disabled") for job in jobs]
    # Its attempt is over, so that no write of it is taken any more.
    fences = [job.fence + (job.slot == Slot.HELD) for job in jobs]
    finish(tx, [(job, end._replace(fence=f)) for job, end, f in zip(jobs, ends, fences, strict=True)])
    return jobs


def _end(tx: Transaction, job: Standing, state: State) -> Finish:
    return Finish(
        job.seq, job.id, state, job.fence, job.last_settled, None, "", tx.now_ms,
        job.cancel_requested_at_ms, 0, None,
    )  # fmt: skip


def _requeue(tx: Transaction, jobs: Sequence[Standing]) -> Sequence[Standing]:
    again = [job for job in jobs if job.unique_hold is None or _takes_key(tx, job)]
    now_ms = tx.now_ms
    tx.insert("requeue", [(job.seq, job.id, job.rank - job.run_at_ms + now_ms, now_ms) for job in again])
    line_up_again(tx, [job.seq for job in again])
    tx.tell("released", again)
    return again


def _takes_key(tx: Transaction, job: Standing) -> bool:
    """Take the job's unique key again; False while another job holds it."""
    key, period_ms = tx.list("asked_key", {"seq": job.seq})
    holders = tx.list("holders", {"keys": to_json([key]), "now_ms": tx.now_ms})
    if any(holder != job.id for _, holder in holders):
        return False
    until_ms = tx.now_ms + period_ms if job.unique_hold == "period" else None
    tx.insert("hold_key", [(key, job.id, until_ms)])
    return True


def _remove(tx: Transaction, jobs: Sequence[Standing]) -> Sequence[Standing]:
    free_keys(tx, [job.seq for job in jobs if job.unique_hold is not None])
    seqs = {"seqs": to_json([job.seq for job in jobs])}
    for name in ("drop_jobs", "drop_submitted", "drop_payloads", "drop_edges_of"):
        tx.run(name, seqs)
    tx.run("drop_records_of", {"ids": to_json([job.id for job in jobs])})
    tx.tell("removed", jobs)
    return jobs


_CHANGES: dict[Alteration, Callable[[Transaction, Sequence[Standing]], Sequence[Standing]]] = {
    "cancel": _cancel,
    "requeue": _requeue,
    "disable": _disable,
    "remove": _remove,
}
