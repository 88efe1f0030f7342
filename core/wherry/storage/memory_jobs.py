"""The verbs of the memory storage, one job at a time, inside a transaction of its book."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable

from wherry.job import Slot
from wherry.messages import (
    Added,
    Alteration,
    ChangeKind,
    Claimed,
    ClaimRequest,
    Edge,
    Lease,
    NewJob,
    Record,
    Report,
    Settlement,
    Signal,
    State,
    Verdict,
    Wake,
)
from wherry.storage.memory_book import Book, Entry, Lane
from wherry.storage.protocol import HIDDEN_FOR_MS

_FINAL: dict[str, State] = {"complete": "completed", "fail": "failed", "cancel": "cancelled", "disable": "disabled"}


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
    entry = book.entries[job.id] = Entry(job, now_ms, run_at_ms)
    _take_key(book, entry)
    if job.after:
        _wait_for_parents(book, entry)
    if entry.waiting_for or entry.doomed:
        entry.state, entry.slot = "blocked", Slot.BLOCKED
    else:
        book.make_due(entry, run_at_ms)
    book.tell(entry, "added")
    return Added(job.id, "ok")


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


def _free_key(book: Book, entry: Entry, *holds: str) -> None:
    unique = entry.new.unique
    if unique is not None and unique.hold in holds and book.uniques.get(unique.key, ("",))[0] == entry.id:
        del book.uniques[unique.key]


def _wait_for_parents(book: Book, entry: Entry) -> None:
    for edge in entry.new.after:
        parent = book.entries[edge.parent]
        if not parent.final:
            entry.waiting_for += 1
            book.children.setdefault(edge.parent, []).append(entry.id)
        else:
            _doom(entry, edge, parent.state)


def _doom(entry: Entry, edge: Edge, parent_state: State) -> None:
    if parent_state != "completed" and edge.on_failure != "run":
        entry.doomed = entry.doomed or edge.on_failure


# --- settle --------------------------------------------------------------------------------------
def settle(book: Book, settlement: Settlement) -> Verdict:
    entry = book.entries.get(settlement.id)
    if entry is None:
        return "unknown"
    kind = settlement.kind
    if entry.last_settled == (settlement.fence, kind):
        return "cancel" if entry.state == "cancelled" and kind != "cancel" else "ok"
    if entry.fence != settlement.fence or not _may_settle(entry, settlement, book.now_ms):
        return "lost"
    entry.last_settled = (settlement.fence, kind)
    if settlement.error is not None:
        entry.errors += settlement.error + "\n"
    if kind in _FINAL:
        _finish(book, entry, _FINAL[kind], settlement)
    elif entry.cancel_requested_at_ms is not None:
        _finish(book, entry, "cancelled", settlement)
        return "cancel"
    else:
        _revive(book, entry, settlement)
    return "ok"


def _may_settle(entry: Entry, settlement: Settlement, now_ms: int) -> bool:
    return entry.lapse(now_ms) is not None if settlement.if_lapsed else entry.state == "running"


def _finish(book: Book, entry: Entry, state: State, settlement: Settlement | None = None) -> None:
    _let_go(entry)
    entry.state, entry.slot, entry.finished_at_ms, entry.wake = state, Slot.DONE, book.now_ms, None
    if settlement is not None:
        if state == "completed":
            entry.output, entry.percent = settlement.output, 100
        if settlement.retain_ms is not None:
            entry.hidden = settlement.retain_ms == 0
            entry.purge_at_ms = book.now_ms + (settlement.retain_ms or HIDDEN_FOR_MS)
    _free_key(book, entry, "queued", "done")
    book.change(entry, _told(state))
    _free_children(book, entry)
    _wake_watchers(book, entry)


def _told(state: State) -> ChangeKind:
    told: dict[State, ChangeKind] = {
        "completed": "completed",
        "failed": "failed",
        "cancelled": "cancelled",
        "disabled": "disabled",
    }
    return told[state]


def _let_go(entry: Entry) -> None:
    entry.lease_until_ms = entry.claim_token = None


def _revive(book: Book, entry: Entry, settlement: Settlement) -> None:
    kind = settlement.kind
    _let_go(entry)
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
    for child_id in book.children.pop(parent.id, ()):
        child = book.entries.get(child_id)
        if child is None or child.state != "blocked":
            continue
        for edge in child.new.after:
            if edge.parent == parent.id:
                child.waiting_for -= 1
                _doom(child, edge, parent.state)
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
        if entry and entry.state == "suspended" and entry.wake and _all_final(book, entry.wake.jobs):
            _resume(book, entry)


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


# --- claim, renew, report --------------------------------------------------------------------------
def claim(book: Book, request: ClaimRequest) -> list[Claimed]:
    repeated = book.tokens.get(request.token)
    if repeated is not None:
        held = (book.entries.get(job_id) for job_id in repeated)
        return [_claimed(book, entry) for entry in held if entry and entry.claim_token == request.token]
    taken = _choose(book, request)
    for entry in taken:
        _lease(book, entry, request)
    if taken:
        book.tokens[request.token] = [entry.id for entry in taken]
        if len(book.tokens) > 1024:  # a lost reply is asked for again within moments
            del book.tokens[next(iter(book.tokens))]
    return [_claimed(book, entry) for entry in taken]


def _choose(book: Book, request: ClaimRequest) -> list[Entry]:
    """Best first over the lanes of the request; jobs it may not take go back where they were."""
    heads = [(lane.ready[0], index, lane) for index, lane in enumerate(book.lanes_of(request)) if lane.ready]
    heapq.heapify(heads)
    taken: list[Entry] = []
    skipped: list[tuple[Lane, tuple[int, str]]] = []
    while heads and len(taken) < request.limit:
        item, index, lane = heads[0]
        heapq.heappop(lane.ready)
        entry = book.entries.get(item[1])
        if entry and entry.slot == Slot.READY and entry.rank == item[0]:
            if (request.ids is None or entry.id in request.ids) and entry.lapse(book.now_ms) is None:
                entry.slot = Slot.HELD
                taken.append(entry)
            else:
                skipped.append((lane, item))
        if lane.ready:
            heapq.heapreplace(heads, (lane.ready[0], index, lane))
        else:
            heapq.heappop(heads)
    for lane, item in skipped:
        heapq.heappush(lane.ready, item)
    return taken


def _lease(book: Book, entry: Entry, request: ClaimRequest) -> None:
    now_ms = book.now_ms
    entry.state = "running"
    entry.attempt += 1
    entry.fence += 1
    entry.worker, entry.claim_token = request.worker, request.token
    entry.lease_until_ms = now_ms + request.lease_ms
    entry.attempted_at_ms = now_ms
    if entry.started_at_ms is None:
        entry.started_at_ms = now_ms
    _free_key(book, entry, "queued")
    book.change(entry, "started")


def _claimed(book: Book, entry: Entry) -> Claimed:
    new = entry.new
    left_ms = None if entry.deadline_at_ms is None else entry.deadline_at_ms - book.now_ms
    return Claimed(
        entry.id, entry.fence, entry.attempt, entry.task, entry.queue, new.namespace, new.input, entry.max_attempts,
        entry.interruptions, new.backoff, new.timeout_ms, left_ms, _checkpoint(book, entry), new.trace,
    )  # fmt: skip


def _checkpoint(book: Book, entry: Entry) -> str | None:
    if not book.has_steps:
        return None
    prefix = f"{entry.id}/"
    steps = [r for (kind, key), r in book.records.items() if kind == "step" and key.startswith(prefix)]
    if not steps:
        return None
    return "{" + ",".join(f"{json.dumps(r.key[len(prefix) :])}:{r.value}" for r in steps) + "}"


def _held(book: Book, job_id: str, fence: int) -> Entry | Verdict:
    entry = book.entries.get(job_id)
    if entry is None:
        return "unknown"
    return entry if entry.state == "running" and entry.fence == fence else "lost"


def _asked(entry: Entry) -> Verdict:
    return "ok" if entry.cancel_requested_at_ms is None else "cancel"


def renew(book: Book, lease: Lease, lease_ms: int) -> Verdict:
    entry = _held(book, lease.id, lease.fence)
    if not isinstance(entry, Entry):
        return entry
    if entry.lease_until_ms is None or entry.lease_until_ms <= book.now_ms:
        return "lost"
    entry.lease_until_ms = book.now_ms + lease_ms
    return _asked(entry)


def report(book: Book, news: Report) -> Verdict:
    entry = _held(book, news.id, news.fence)
    if not isinstance(entry, Entry):
        return entry
    for line in news.logs:
        _append_log(book, entry, line)
    if news.step is not None:
        name, outcome = news.step
        book.records.setdefault(("step", f"{entry.id}/{name}"), Record("step", f"{entry.id}/{name}", 1, outcome))
        book.has_steps = True
    if (news.percent, news.message, news.details) != (None, None, None):
        entry.percent = entry.percent if news.percent is None else news.percent
        entry.message = entry.message if news.message is None else news.message
        entry.details = entry.details if news.details is None else news.details
        book.change(entry, "progress")
    return _asked(entry)


def _append_log(book: Book, entry: Entry, line: str) -> None:
    number = book.log_counts.get(entry.id, 0) + 1
    book.log_counts[entry.id] = number
    key = f"{entry.id}/{number:010d}"
    book.records["log", key] = Record("log", key, 1, line)


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
    if entry.deadline_at_ms is not None and entry.deadline_at_ms <= book.now_ms:
        entry.deadline_at_ms = None
    book.make_due(entry, book.now_ms)
    book.change(entry, "released")
    return True


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
    _free_key(book, entry, "queued", "done", "period")
    prefix = f"{entry.id}/"
    for place in [p for p in book.records if p[0] in ("log", "step", "signal") and p[1].startswith(prefix)]:
        del book.records[place]
    book.log_counts.pop(entry.id, None)
    book.change(entry, "removed")
    return True
