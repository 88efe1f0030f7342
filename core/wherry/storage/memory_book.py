"""What the memory storage keeps, and the moves that several verbs share."""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from wherry import entropy
from wherry.clock import Clock
from wherry.job import JobRow, Slot
from wherry.messages import (
    Change,
    ChangeKind,
    Changes,
    ClaimRequest,
    Cursor,
    Edge,
    Filter,
    Lapse,
    NewJob,
    Payload,
    Record,
    RecordWrite,
    State,
    Wake,
)
from wherry.storage.hints import Hints
from wherry.storage.memory_ready import Ready

FEED_BATCHES = 20_000

LaneKey = tuple[str, str, str]

_READY, _LATER, _DONE = Slot.READY, Slot.LATER, Slot.DONE
"""Looked up once: a member of an enum costs ten times a name."""


class Lane:
    """The jobs of one namespace, queue and task: due ones by rank, later ones by time.

    Both are pruned lazily: an item counts only while it says what its job says.
    """

    def __init__(self, namespace: str, queue: str, task: str) -> None:
        self.namespace, self.name = namespace, f"{queue}/{task}"
        self.ready = Ready()
        self.later: list[tuple[int, str]] = []


class Entry:
    """One job: what was submitted (`new`), and what has become of it."""

    __slots__ = (
        "attempt", "attempted_at_ms", "behind", "cancel_requested_at_ms", "claim_token", "created_at_ms",
        "deadline_at_ms", "details", "doomed", "edges", "errors", "fence", "finished_at_ms", "hidden", "id",
        "interruptions", "lane", "last_settled", "lease_until_ms", "max_attempts", "message", "new", "output",
        "percent", "purge_at_ms", "queue", "rank", "revision", "run_at_ms", "slot", "started_at_ms",
        "state", "task", "waiting_for", "wake", "worker",
    )  # fmt: skip

    def __init__(self, new: NewJob, lane: Lane, now_ms: int, run_at_ms: int) -> None:
        self.id, self.queue, self.task, self.new, self.lane = new.id, new.queue, new.task, new, lane
        self.state: State = "pending"
        self.slot = _READY
        self.created_at_ms, self.run_at_ms = now_ms, run_at_ms
        self.deadline_at_ms, self.max_attempts = new.deadline_at_ms, new.max_attempts
        self.rank = 0
        self.attempt = self.interruptions = self.fence = self.waiting_for = 0
        self.revision = 1
        self.edges: tuple[Edge, ...] = ()
        """Whose end it still waits for; a job that was put back waits for none."""
        self.errors = ""
        self.hidden = False
        self.started_at_ms: int | None = None
        self.attempted_at_ms: int | None = None
        self.finished_at_ms: int | None = None
        self.cancel_requested_at_ms: int | None = None
        self.lease_until_ms: int | None = None
        self.purge_at_ms: int | None = None
        self.percent: float | None = None
        self.wake: Wake | None = None
        self.output: Payload | None = None
        self.details: Payload | None = None
        self.message: str | None = None
        self.worker: str | None = None
        self.doomed: str | None = None
        self.behind: str | None = None
        self.claim_token: str | None = None
        self.last_settled: tuple[int, str] | None = None

    @property
    def final(self) -> bool:
        return self.slot is _DONE

    @property
    def may_lapse(self) -> bool:
        """Whether time alone can end it, or remove it."""
        if self.final:
            return self.purge_at_ms is not None
        return bool(self.doomed) or self.deadline_at_ms is not None or self.lease_until_ms is not None

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

    def row(self, now_ms: int) -> JobRow:
        new = self.new
        return JobRow(
            self.id, new.namespace, self.queue, self.task, self.state, new.input, new.fingerprint,
            new.priority, new.priority_step_ms, self.created_at_ms, self.run_at_ms, self.max_attempts,
            new.max_attempts, new.backoff, self.output, self.errors, self.attempt, self.interruptions,
            self.fence, 0, self.revision, self.worker, self.lease_until_ms, self.deadline_at_ms,
            new.timeout_ms, self.started_at_ms, self.attempted_at_ms, self.finished_at_ms,
            self.cancel_requested_at_ms, self.percent, self.message, self.details, new.run_id,
            new.unique.key if new.unique else None, new.tags, new.trace, new.after, self.waiting_for,
            self.doomed, self.wake, self.lapse(now_ms), self.purge_at_ms, self.hidden, new.code_hash,
            new.place, "local", new.origin, new.origin_seq, new.ordering_key, self.behind,
        )  # fmt: skip


_Told = tuple[str, str, ChangeKind, int, str]
"""A `Change` that nobody has read yet: a plain tuple costs a fifth of a named one."""


class FeedLog:
    """One batch a transaction, numbered in commit order."""

    def __init__(self) -> None:
        self.store_id = entropy.token()
        self._batches: deque[Sequence[_Told]] = deque(maxlen=FEED_BATCHES)
        self._head = 0

    def append(self, batch: Sequence[_Told]) -> None:
        self._head += 1
        self._batches.append(batch)

    def read(self, since: Cursor, limit: int) -> Changes:
        if not since:
            return Changes((), self._cursor(self._head), resync=False)
        store_id, _, number = since.partition(":")
        first = self._head - len(self._batches)
        if store_id != self.store_id or not number.isdecimal() or not first <= int(number) <= self._head:
            return Changes((), self._cursor(self._head), resync=True)
        at = int(number)
        items: list[Change] = []
        while at < self._head and len(items) < max(limit, 1):
            items += map(Change._make, self._batches[at - first])
            at += 1
        return Changes(items, self._cursor(at), resync=False)

    def _cursor(self, number: int) -> Cursor:
        return Cursor(f"{self.store_id}:{number}")


class Book:
    """All state of one memory store, touched only inside `transaction()`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._changed: list[_Told] = []
        self.now_ms = 0
        self.hints = Hints()
        self.feed = FeedLog()
        self.entries: dict[str, Entry] = {}
        self.lanes: dict[LaneKey, Lane] = {}
        self.watched: dict[str, Entry] = {}
        """All that may lapse or expire, and some that no longer can: dropped when somebody looks."""
        self.records: dict[tuple[str, str], Record] = {}
        self.uniques: dict[str, tuple[str, int | None]] = {}
        self.children: dict[str, list[str]] = {}
        self.watchers: dict[str, set[str]] = {}
        self.tails: dict[str, str] = {}
        self.tokens: dict[str, list[str]] = {}
        self.log_counts: dict[str, int] = {}
        self.has_steps = False

    @contextmanager
    def transaction(self) -> Generator[Book]:
        """The lock, the time, and at the end one batch in the feed if anything changed."""
        with self._lock:
            self.now_ms = self._clock.now_ms()
            yield self
            changed, self._changed = self._changed, []
            if changed:
                self.feed.append(changed)
        if changed:
            self.hints.ring()

    def tell(self, entry: Entry, kind: ChangeKind) -> None:
        """The first change of a job."""
        self._changed.append((entry.id, entry.lane.namespace, kind, entry.revision, entry.lane.name))

    def change(self, entry: Entry, kind: ChangeKind) -> None:
        """A change of a job, one revision up."""
        entry.revision += 1
        lane = entry.lane
        self._changed.append((entry.id, lane.namespace, kind, entry.revision, lane.name))

    # --- the claim index -------------------------------------------------------------------------
    def make_due(self, entry: Entry, run_at_ms: int) -> None:
        """Pending from `run_at_ms` on."""
        new = entry.new
        entry.state, entry.run_at_ms, entry.wake = "pending", run_at_ms, None
        entry.rank = new.priority * new.priority_step_ms + run_at_ms
        if run_at_ms <= self.now_ms:
            entry.slot = _READY
            entry.lane.ready.push((entry.rank, entry.id))
        else:
            self.put_off(entry, run_at_ms)

    def put_off(self, entry: Entry, until_ms: int) -> None:
        entry.slot, entry.run_at_ms = _LATER, until_ms
        heapq.heappush(entry.lane.later, (until_ms, entry.id))

    def lane(self, new: NewJob) -> Lane:
        key = (new.namespace, new.queue, new.task)
        found = self.lanes.get(key)
        if found is None:
            found = self.lanes[key] = Lane(*key)
        return found

    def candidates(self, where: Filter) -> Iterable[Entry]:
        """No fewer than the jobs that match, and far fewer than all where that can be."""
        if where.ids is not None:
            return [self.entries[job_id] for job_id in dict.fromkeys(where.ids) if job_id in self.entries]
        if where.lapsed or where.expired:
            self.watched = {job_id: entry for job_id, entry in self.watched.items() if entry.may_lapse}
            return self.watched.values()
        return self.entries.values()

    def promote_due(self) -> None:
        for lane in self.lanes.values():
            while lane.later and lane.later[0][0] <= self.now_ms:
                at_ms, job_id = heapq.heappop(lane.later)
                entry = self.entries.get(job_id)
                if entry and _is_later(entry, at_ms):
                    woken = entry.state == "suspended"
                    self.make_due(entry, at_ms)
                    if woken:
                        self.change(entry, "released")

    def lanes_of(self, claim: ClaimRequest) -> list[Lane]:
        tasks = frozenset(claim.tasks)
        return [
            lane
            for (namespace, queue, task), lane in self.lanes.items()
            if namespace in claim.namespaces
            and task in tasks
            and (claim.queues is None or queue in claim.queues)
            and ("pause", f"{namespace}/queue/{queue}") not in self.records
            and ("pause", f"{namespace}/task/{task}") not in self.records
        ]

    def next_due_in_ms(self, claim: ClaimRequest) -> int | None:
        soonest = [self._soonest(lane) for lane in self.lanes_of(claim)]
        return min((at_ms - self.now_ms for at_ms in soonest if at_ms is not None), default=None)

    def _soonest(self, lane: Lane) -> int | None:
        while lane.later:
            at_ms, job_id = lane.later[0]
            entry = self.entries.get(job_id)
            if entry and _is_later(entry, at_ms):
                return at_ms
            heapq.heappop(lane.later)
        return None

    # --- records ---------------------------------------------------------------------------------
    def can_write(self, writes: Sequence[RecordWrite]) -> bool:
        return all(
            write.expected is None or self._version(write.kind, write.key) == write.expected
            for write in writes
        )

    def write(self, writes: Sequence[RecordWrite]) -> None:
        for kind, key, _, value in writes:
            if value is None:
                self.records.pop((kind, key), None)
            else:
                self.records[kind, key] = Record(kind, key, self._version(kind, key) + 1, value)

    def _version(self, kind: str, key: str) -> int:
        record = self.records.get((kind, key))
        return record.version if record else 0


def _is_later(entry: Entry, at_ms: int) -> bool:
    return entry.slot is _LATER and entry.run_at_ms == at_ms
