"""The verbs of the memory storage, one job at a time, inside a transaction of its book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from wherry.job import Slot
from wherry.messages import (
    Added,
    Alteration,
    Edge,
    NewJob,
    Record,
    Settlement,
    Signal,
    State,
    Verdict,
    Wake,
)
from wherry.storage.memory_book import Book, Entry
from wherry.storage.memory_order import close_up, leave_line, line_up
from wherry.storage.protocol import HIDDEN_FOR_MS

_Final = Literal["completed", "failed", "cancelled", "disabled"]

_DONE = Slot.DONE
_FINAL: dict[str, _Final] = {
    "complete": "completed",
    "fail": "failed",
    "cancel": "cancelled",
    "disable": "disabled",
}


# --- add -----------------------------------------------------------------------------------------
def add(book: Book, job: NewJob) -> Added:
    if job.id in book.entries:
        return Added(job.id, "duplicate")
    if any(edge.parent not in book.entries for edge in job.after):
        return Added(job.id, "refused")
    holder = _holder(book, job)
    if holder is not None:
        return Added(holder, "duplicate")
    now_ms = book.now_ms
    run_at_ms = job.run_at_ms if job.run_at_ms is not None else now_ms + (job.delay_ms or 0)
    entry = book.entries[job.id] = Entry(job, book.lane(job), now_ms, run_at_ms)
    if job.deadline_at_ms is not None:
        book.watched[job.id] = entry
    _take_key(book, entry)
    _wait_for_parents(book, entry)
    line_up(book, entry)
    _place(book, entry, run_at_ms)
    book.tell(entry, "added")
    return Added(job.id, "ok")


def _place(book: Book, entry: Entry, run_at_ms: int) -> None:
    if entry.waiting_for or entry.doomed:
        entry.state, entry.slot, entry.run_at_ms = "blocked", Slot.BLOCKED, run_at_ms
    else:
        book.make_due(entry, run_at_ms)


def _holder(book: Book, job: NewJob) -> str | None:
    if job.unique is None:
        return None
    held = book.uniques.get(job.unique.key)
    if held is None or held[0] == job.id or (held[1] is not None and held[1] <= book.now_ms):
        return None
    return held[0]


def _take_key(book: Book, entry: Entry) -> None:
    unique = entry.new.unique
    if unique is not None:
        until_ms = book.now_ms + unique.period_ms if unique.hold == "period" else None
        book.uniques[unique.key] = (entry.id, until_ms)


def free_key(book: Book, entry: Entry, *holds: str) -> None:
    unique = entry.new.unique
    if unique is not None and unique.hold in holds and book.uniques.get(unique.key, ("",))[0] == entry.id:
        del book.uniques[unique.key]


def _wait_for_parents(book: Book, entry: Entry) -> None:
    for edge in entry.new.after:
        parent = book.entries[edge.parent]
        if not parent.final:
            entry.waiting_for += 1
            entry.edges += (edge,)
            book.children.setdefault(edge.parent, []).append(entry.id)
        else:
            _doom(book, entry, edge, parent.state)


def _doom(book: Book, entry: Entry, edge: Edge, parent_state: State) -> None:
    if parent_state != "completed" and edge.on_failure != "run":
        entry.doomed = entry.doomed or edge.on_failure
        book.watched[entry.id] = entry


# --- settle --------------------------------------------------------------------------------------
def settle(book: Book, settlement: Settlement) -> Verdict:
    entry = book.entries.get(settlement.id)
    if entry is None:
        return "unknown"
    kind = settlement.kind
    mark = (settlement.fence, kind)
    if entry.last_settled == mark:
        return "cancel" if entry.state == "cancelled" and kind != "cancel" else "ok"
    may_settle = entry.lapse(book.now_ms) is not None if settlement.if_lapsed else entry.state == "running"
    if entry.fence != settlement.fence or not may_settle:
        return "lost"
    entry.last_settled = mark
    if settlement.error is not None:
        entry.errors += settlement.error + "\n"
    state = _FINAL.get(kind)
    if state is not None:
        _finish(book, entry, state, settlement)
    elif entry.cancel_requested_at_ms is not None:
        _finish(book, entry, "cancelled", settlement)
        return "cancel"
    else:
        _revive(book, entry, settlement)
    return "ok"


def _finish(book: Book, entry: Entry, state: _Final, settlement: Settlement | None = None) -> None:
    entry.lease_until_ms = entry.claim_token = None
    entry.state, entry.slot, entry.finished_at_ms, entry.wake = state, _DONE, book.now_ms, None
    if settlement is not None:
        if state == "completed":
            entry.output = settlement.output
        if settlement.retain_ms is not None:
            entry.hidden = settlement.retain_ms == 0
            entry.purge_at_ms = book.now_ms + (settlement.retain_ms or HIDDEN_FOR_MS)
            book.watched[entry.id] = entry
    if entry.new.unique is not None:
        free_key(book, entry, "queued", "done")
    book.change(entry, state)
    if entry.new.ordering_key is not None:
        leave_line(book, entry)
    if entry.id in book.children:
        _free_children(book, entry)
    entry.behind = None
    if entry.id in book.watchers:
        _wake_watchers(book, entry)


def _revive(book: Book, entry: Entry, settlement: Settlement) -> None:
    kind = settlement.kind
    entry.lease_until_ms = entry.claim_token = None
    if kind != "retry":
        entry.attempt -= 1
    if kind == "release":
        entry.interruptions += 1
    if kind == "suspend":
        _suspend(book, entry, settlement.wake or Wake())
        return
    at_ms = settlement.run_at_ms if settlement.run_at_ms is not None else book.now_ms + settlement.delay_ms
    book.make_due(entry, at_ms)
    book.change(entry, "retrying" if kind == "retry" else "released")


def _free_children(book: Book, parent: Entry) -> None:
    for child_id in dict.fromkeys(book.children.pop(parent.id, ())):  # a parent may be named twice
        child = book.entries.get(child_id)
        if child is None or child.state != "blocked":
            continue
        for edge in child.edges:
            if edge.parent == parent.id:
                child.waiting_for -= 1
                _doom(book, child, edge, parent.state)
        close_up(book, child, parent)
        if not child.waiting_for and not child.doomed:
            book.make_due(child, child.run_at_ms)
            book.change(child, "released")


# --- suspend, wake, signal -----------------------------------------------------------------------
def _suspend(book: Book, entry: Entry, wake: Wake) -> None:
    entry.state, entry.slot, entry.wake = "suspended", Slot.PARKED, wake
    if _has_signal(book, entry, wake.signals) or (wake.jobs and _all_final(book, wake.jobs)):
        _resume(book, entry)
        return
    if wake.after_ms is not None:
        book.put_off(entry, book.now_ms + wake.after_ms)
    for job_id in wake.jobs:
        book.watchers.setdefault(job_id, set()).add(entry.id)
    book.change(entry, "suspended")


def _resume(book: Book, entry: Entry) -> None:
    book.make_due(entry, book.now_ms)
    book.change(entry, "released")


def _has_signal(book: Book, entry: Entry, names: Iterable[str]) -> bool:
    prefixes = tuple(f"{entry.id}/{name}/" for name in names)
    return bool(prefixes) and any(kind == "signal" and key.startswith(prefixes) for kind, key in book.records)


def _all_final(book: Book, ids: Iterable[str]) -> bool:
    # A removed job was final before it was removed.
    return all(job_id not in book.entries or book.entries[job_id].final for job_id in ids)


def _wake_watchers(book: Book, finished: Entry) -> None:
    for job_id in sorted(book.watchers.pop(finished.id, ())):
        entry = book.entries.get(job_id)
        if entry and entry.state == "suspended" and _waits_for(book, entry, finished.id):
            _resume(book, entry)


def _waits_for(book: Book, entry: Entry, job_id: str) -> bool:
    """Whether it still waits for that job: it may have woken and gone to sleep for another reason since."""
    wake = entry.wake or Wake()
    return job_id in wake.jobs and _all_final(book, wake.jobs)


def signal(book: Book, message: Signal) -> Verdict:
    entry = book.entries.get(message.job_id)
    if entry is None:
        return "unknown"
    key = f"{message.job_id}/{message.name}/{message.dedup}"
    if ("signal", key) in book.records:
        return "duplicate"
    if entry.final:
        return "refused"
    book.records["signal", key] = Record("signal", key, 1, message.payload)
    if entry.state == "suspended" and entry.wake and message.name in entry.wake.signals:
        _resume(book, entry)
    return "ok"


# --- alter ---------------------------------------------------------------------------------------
def alter(book: Book, entry: Entry, change: Alteration) -> bool:
    """Carry out one change; False when it does not apply to this job."""
    verbs: dict[Alteration, Callable[[Book, Entry], bool]] = {
        "cancel": _cancel,
        "requeue": _requeue,
        "disable": _disable,
        "remove": _remove,
    }
    return verbs[change](book, entry)


def _cancel(book: Book, entry: Entry) -> bool:
    if entry.final or entry.cancel_requested_at_ms is not None:
        return False
    entry.cancel_requested_at_ms = book.now_ms
    if entry.state == "running":
        book.change(entry, "cancelling")
    else:
        _finish(book, entry, "cancelled")
    return True


def _requeue(book: Book, entry: Entry) -> bool:
    if not entry.final or entry.state == "completed" or _holder(book, entry.new) is not None:
        return False
    _take_key(book, entry)
    entry.max_attempts = entry.attempt + entry.new.max_attempts
    entry.finished_at_ms = entry.cancel_requested_at_ms = entry.purge_at_ms = entry.doomed = None
    entry.waiting_for, entry.hidden = 0, False
    # Its fence stays until the next claim, and it may lapse before: that is no repeat.
    entry.last_settled = None
    if entry.deadline_at_ms is not None and entry.deadline_at_ms <= book.now_ms:
        entry.deadline_at_ms = None
    book.watched[entry.id] = entry  # its deadline counts again
    _forget_parents(book, entry)
    line_up(book, entry)
    _place(book, entry, book.now_ms)
    book.change(entry, "released")
    return True


def _forget_parents(book: Book, entry: Entry) -> None:
    """It may have ended before its parents did: they free it no more."""
    entry.edges = ()
    for edge in entry.new.after:
        waiting = book.children.get(edge.parent, ())
        if entry.id in waiting:
            book.children[edge.parent] = [child for child in waiting if child != entry.id]


def _disable(book: Book, entry: Entry) -> bool:
    if entry.final:
        return False
    if entry.state == "running":
        entry.fence += 1
    _finish(book, entry, "disabled")
    return True


def _remove(book: Book, entry: Entry) -> bool:
    if not entry.final:
        return False
    del book.entries[entry.id]
    book.watched.pop(entry.id, None)
    free_key(book, entry, "queued", "done", "period")
    prefix = f"{entry.id}/"
    for place in [p for p in book.records if p[0] in ("log", "step", "signal") and p[1].startswith(prefix)]:
        del book.records[place]
    book.log_counts.pop(entry.id, None)
    book.change(entry, "removed")
    return True
