"""`add`: jobs come in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from wherry.errors import InvalidInput
from wherry.job import Slot
from wherry.messages import FINAL_STATES, Added, Edge, NewJob, RecordWrite, State
from wherry.storage.sqlite.lanes import Lane
from wherry.storage.sqlite.ordering import Lines
from wherry.storage.sqlite.payloads import LARGE, stow_input
from wherry.storage.sqlite.records import write_records
from wherry.storage.sqlite.standing import DOOMED
from wherry.storage.sqlite.transaction import Transaction, to_json

_Row = tuple[object, ...]
_News = list[str | int]
"""Id, revision, id, revision ..."""

_Parent = tuple[int, State]
"""Number and state of a job that is stored."""


class Waiting(NamedTuple):
    """Where a job with parents starts."""

    waiting_for: int = 0
    doomed: str | None = None

    @property
    def slot(self) -> int | None:
        if self.doomed:
            return DOOMED
        return Slot.BLOCKED if self.waiting_for else None


def add(tx: Transaction, jobs: Sequence[NewJob], writes: Sequence[RecordWrite]) -> list[Added]:
    if not write_records(tx, writes):
        return [Added(job.id, "refused") for job in jobs]
    intake = Intake(tx, jobs)
    added = [one for _, alike in groupby(jobs, _TERMS_OF) for one in intake.take(list(alike))]
    intake.store()
    return added


class Intake:
    """The jobs of one call, judged one after the other and stored together.

    What is stored already is asked once for all of them; each job that is taken is put on top of
    that, because a later one of the call may name it.
    """

    def __init__(self, tx: Transaction, jobs: Sequence[NewJob]) -> None:
        self._tx = tx
        self._seq, self._stored = _known(tx, jobs)
        self._holders = _holders(tx, jobs)
        self._lines = Lines(tx, {job.ordering_key for job in jobs if job.ordering_key is not None})
        self._places: dict[tuple[object, ...], tuple[int, int, _News]] = {}
        # Most jobs ask for nothing special.  They have statements of their own: binding a NULL costs
        # `sqlite3` more than binding a value, so a row of few values is three times as fast as a wide one.
        self._plain_jobs: list[object] = []
        self._plain_submitted: list[object] = []
        self._jobs: list[_Row] = []
        self._submitted: list[_Row] = []
        self._edges: list[_Row] = []
        self._keys: list[_Row] = []
        self._told: dict[int, _News] = {}

    def take(self, alike: Sequence[NewJob]) -> list[Added]:
        """Judge jobs that differ in id, input and fingerprint alone."""
        return self._take_plain(alike) if _is_plain(alike[0]) else list(map(self._take, alike))

    def _take(self, job: NewJob) -> Added:
        if job.id in self._stored:
            return Added(job.id, "duplicate")
        if job.after and not all(edge.parent in self._stored for edge in job.after):
            return Added(job.id, "refused")
        if job.unique is not None:
            holder = self._holders.get(job.unique.key)
            if holder is not None:
                return Added(holder, "duplicate")
            self._hold_key(job)
        self._put(job)
        return Added(job.id, "ok")

    def store(self) -> None:
        tx = self._tx
        tx.insert_cells("add_plain_jobs", self._plain_jobs, 8)
        tx.insert_cells("add_plain_submitted", self._plain_submitted, 7)
        tx.insert("add_jobs", self._jobs)
        tx.insert("add_submitted", self._submitted)
        tx.insert("add_edges", self._edges)
        tx.insert("hold_key", self._keys)
        self._lines.store()
        for lane, news in self._told.items():
            tx.tell_ids("added", lane, news)

    def _take_plain(self, alike: Sequence[NewJob]) -> list[Added]:
        """As `_take`, and as little as can be for each job: bulks are made of these."""
        one, now_ms, stored, added = alike[0], self._tx.now_ms, self._stored, list[Added]()
        if all(job.id in stored for job in alike):
            return [Added(job.id, "duplicate") for job in alike]
        lane, terms, told = self._place(one)
        run_at_ms, rank, slot = self._due(one)
        most, priority, timeout_ms = one.max_attempts, one.priority, one.timeout_ms or 0
        for job_id, text, digest in map(_OWN_OF, alike):
            if job_id in stored:
                added.append(Added(job_id, "duplicate"))
                continue
            self._seq = seq = self._seq + 1
            if len(text) > LARGE:
                text = stow_input(self._tx, seq, text)
            self._plain_jobs += (seq, job_id, lane, slot, rank, run_at_ms, most, checksum(digest))
            self._plain_submitted += (seq, terms, digest, priority, now_ms, timeout_ms, text)
            stored[job_id] = (seq, "pending")
            told += (job_id, 1)
            added.append(Added(job_id, "ok"))
        return added

    def _put(self, job: NewJob) -> None:
        now_ms = self._tx.now_ms
        self._seq += 1
        seq, (lane, terms, told) = self._seq, self._place(job)
        run_at_ms, rank, due_slot = self._due(job)
        waiting = self._wait(seq, job.after) if job.after else _FREE
        if job.ordering_key is not None and self._lines.join(job.ordering_key, seq):
            waiting = waiting._replace(waiting_for=waiting.waiting_for + 1)
        state: State = "pending" if waiting.slot is None else "blocked"
        slot = due_slot if waiting.slot is None else int(waiting.slot)
        unique = job.unique
        self._jobs.append((
            seq, job.id, lane, slot, rank, state, run_at_ms, job.max_attempts, job.deadline_at_ms,
            job.deadline_at_ms, unique and unique.hold, waiting.waiting_for, waiting.doomed,
            checksum(job.fingerprint),
        ))  # fmt: skip
        self._submitted.append((
            seq, terms, job.fingerprint, job.priority, now_ms, job.timeout_ms or 0, job.run_id,
            unique and unique.key, unique and unique.period_ms, to_json(job.tags) if job.tags else None,
            job.trace, to_json(job.after) if job.after else None, job.origin, job.origin_seq,
            job.ordering_key, stow_input(self._tx, seq, job.input),
        ))  # fmt: skip
        self._stored[job.id] = (seq, state)
        told += (job.id, 1)

    def _due(self, job: NewJob) -> tuple[int, int, int]:
        """When it is to run, its rank, and its slot if it waits for nothing else."""
        now_ms = self._tx.now_ms
        run_at_ms = job.run_at_ms if job.run_at_ms is not None else now_ms + (job.delay_ms or 0)
        rank = job.priority * job.priority_step_ms + run_at_ms
        return run_at_ms, rank, _READY if run_at_ms <= now_ms else _LATER

    def _place(self, job: NewJob) -> tuple[int, int, _News]:
        """Lane, terms, and what is told of the lane: most jobs of a call share them."""
        names = (
            job.namespace, job.queue, job.task, job.priority_step_ms, job.max_attempts, job.backoff,
            job.code_hash, job.place,
        )  # fmt: skip
        found = self._places.get(names)
        if found is None:
            lane = self._tx.lanes.number(Lane(*names[:3]))
            terms = self._tx.terms.number(names[3:])
            found = self._places[names] = (lane, terms, self._told.setdefault(lane, []))
        return found

    def _wait(self, seq: int, edges: Sequence[Edge]) -> Waiting:
        waiting_for, doomed = 0, None
        for place, edge in enumerate(edges):
            parent, state = self._stored[edge.parent]
            if state not in FINAL_STATES:
                waiting_for += 1
                self._edges.append((parent, seq, place, edge.on_failure))
            elif state != "completed" and edge.on_failure != "run":
                doomed = doomed or edge.on_failure
        return Waiting(waiting_for, doomed)

    def _hold_key(self, job: NewJob) -> None:
        assert job.unique is not None
        key, hold, period_ms = job.unique
        until_ms = self._tx.now_ms + period_ms if hold == "period" else None
        self._keys.append((key, job.id, until_ms))
        if until_ms is None or until_ms > self._tx.now_ms:
            self._holders[key] = job.id


def _is_plain(job: NewJob) -> bool:
    return not (
        job.unique
        or job.after
        or job.tags
        or job.deadline_at_ms is not None
        or job.run_id is not None
        or job.trace is not None
        or job.origin is not None
        or job.ordering_key is not None
    )


def checksum(fingerprint: str) -> int | None:
    """What the index of outcomes holds of a fingerprint."""
    return crc32(fingerprint.encode()) if fingerprint else None


_OWN = ("id", "input", "fingerprint")
_OWN_OF = itemgetter(*map(NewJob._fields.index, _OWN))
_TERMS_OF = itemgetter(*(place for place, name in enumerate(NewJob._fields) if name not in _OWN))

_FREE = Waiting()
_READY, _LATER = int(Slot.READY), int(Slot.LATER)


def _known(tx: Transaction, jobs: Sequence[NewJob]) -> tuple[int, dict[str, _Parent]]:
    """The newest job's number; and of these jobs and the parents they name, those that are stored."""
    ids = [job.id for job in jobs]
    if "\0" in "".join(ids):
        raise InvalidInput("the storage", ["id: holds a NUL character, which ends a text in SQLite"])
    ids += {edge.parent for job in jobs for edge in job.after}
    newest, stored = tx.list("known", {"least": min(ids, default=""), "ids": to_json(ids)})
    return newest, {job_id: (seq, state) for job_id, seq, state in stored}


def _holders(tx: Transaction, jobs: Sequence[NewJob]) -> dict[str, str]:
    keys = {job.unique.key for job in jobs if job.unique is not None}
    if not keys:
        return {}
    return dict(tx.list("holders", {"keys": to_json(list(keys)), "now_ms": tx.now_ms}))
