"""What workers ask of the memory storage: claim, renew, report; inside a transaction of its book."""

from __future__ import annotations

import json
from collections.abc import Sequence

from wherry.job import Slot
from wherry.messages import Claimed, ClaimRequest, Lease, Record, Report, Verdict
from wherry.storage.memory_book import Book, Entry, Lane
from wherry.storage.memory_jobs import free_key
from wherry.storage.memory_ready import Item

_READY, _HELD = Slot.READY, Slot.HELD


def claim(book: Book, request: ClaimRequest) -> list[Claimed]:
    repeated = book.tokens.get(request.token)
    if repeated is not None:
        held = (book.entries.get(job_id) for job_id in repeated)
        return [_claimed(book, entry) for entry in held if entry and entry.claim_token == request.token]
    taken = _choose(book, request)
    _lease(book, taken, request)
    if taken:
        book.tokens[request.token] = [entry.id for entry in taken]
        if len(book.tokens) > 1024:  # a lost reply is asked for again within moments
            del book.tokens[next(iter(book.tokens))]
    return [_claimed(book, entry) for entry in taken]


def _choose(book: Book, request: ClaimRequest) -> list[Entry]:
    """Best first over the lanes of the request; jobs it may not take go back where they were."""
    lanes = [lane for lane in book.lanes_of(request) if lane.ready]
    taken: list[Entry] = []
    skipped: list[Entry] = []
    entries, now_ms = book.entries, book.now_ms
    while lanes and len(taken) < request.limit:
        lane = lanes[0] if len(lanes) == 1 else min(filter(_is_ready, lanes), key=_best_of, default=lanes[0])
        item = lane.ready.pop()
        if item is None:
            lanes.remove(lane)
            continue
        rank, job_id = item
        entry = entries.get(job_id)
        if entry and entry.slot is _READY and entry.rank == rank:
            in_time = entry.deadline_at_ms is None or entry.deadline_at_ms > now_ms
            if in_time and (request.ids is None or job_id in request.ids):
                entry.slot = _HELD
                taken.append(entry)
            else:
                skipped.append(entry)
    for entry in skipped:
        entry.lane.ready.push((entry.rank, entry.id))
    return taken


def _is_ready(lane: Lane) -> bool:
    return bool(lane.ready)


def _best_of(lane: Lane) -> Item:
    return lane.ready.best


def _lease(book: Book, taken: Sequence[Entry], request: ClaimRequest) -> None:
    now_ms, worker, token, watched = book.now_ms, request.worker, request.token, book.watched
    until_ms = now_ms + request.lease_ms
    for entry in taken:
        entry.state = "running"
        entry.attempt += 1
        entry.fence += 1
        entry.worker, entry.claim_token, entry.lease_until_ms = worker, token, until_ms
        watched[entry.id] = entry
        entry.attempted_at_ms = now_ms
        if entry.started_at_ms is None:
            entry.started_at_ms = now_ms
        if entry.new.unique is not None:
            free_key(book, entry, "queued")
        book.change(entry, "started")


def _claimed(book: Book, entry: Entry) -> Claimed:
    new = entry.new
    left_ms = None if entry.deadline_at_ms is None else entry.deadline_at_ms - book.now_ms
    return Claimed._make((
        entry.id, entry.fence, entry.attempt, entry.task, entry.queue, new.namespace, new.input,
        entry.max_attempts, entry.interruptions, new.backoff, new.timeout_ms, left_ms,
        _checkpoint(book, entry) if book.has_steps else None, new.trace,
    ))  # fmt: skip


def _checkpoint(book: Book, entry: Entry) -> str | None:
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
        book.records.setdefault(
            ("step", f"{entry.id}/{name}"), Record("step", f"{entry.id}/{name}", 1, outcome)
        )
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
