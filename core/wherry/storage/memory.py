"""The reference storage: everything in this process, one lock, nothing awaited inside it.

Other storages are compared with this one, so it is written to be read: each verb says what the
contract says.  State lives in `memory_book.Book`; `fork()` shares it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nlargest, nsmallest
from operator import attrgetter
from typing import Self

from wherry.clock import Clock, SystemClock
from wherry.errors import UnsupportedByStorage
from wherry.job import JobRow
from wherry.messages import (
    Added,
    Alteration,
    Capabilities,
    Changes,
    ClaimRequest,
    Counts,
    Cursor,
    Exchanged,
    Filter,
    Lease,
    NewJob,
    Record,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Verdict,
)
from wherry.storage import memory_jobs as verbs
from wherry.storage import memory_work as work
from wherry.storage.hints import HintListener
from wherry.storage.memory_book import Book
from wherry.storage.memory_filter import matching
from wherry.storage.protocol import CountBy

_ID = attrgetter("id")

CAPABILITIES = Capabilities(
    feed="log",
    atomic="batch",
    clock="host",
    durability="none",
    priority=True,
    limits=False,
    shared="process",
    max_payload=1_049_600,
)


class MemoryStorage:
    """Jobs in this process's memory; they end with it.

    Args:
        name: only for people, `memory:NAME`.
        clock: where the store reads the time; the host's by default.
    """

    def __init__(self, name: str = "", *, clock: Clock | None = None, book: Book | None = None) -> None:
        self.url = f"memory:{name}"
        self.capabilities = CAPABILITIES
        self._owner = book is None
        self._book = book or Book(clock or SystemClock())
        self._name = name

    @property
    def store_id(self) -> str:
        return self._book.feed.store_id

    def fork(self) -> MemoryStorage:
        return MemoryStorage(self._name, book=self._book)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._owner:
            self._book.hints.close()

    # --- jobs ------------------------------------------------------------------------------------
    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        if any(job.gates for job in jobs):
            raise UnsupportedByStorage("limits", "memory", "submit without gates.")
        with self._book.transaction() as book:
            if not book.can_write(records):
                return [Added(job.id, "refused") for job in jobs]
            book.write(records)
            return [verbs.add(book, job) for job in jobs]

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        with self._book.transaction() as book:
            verdicts: list[Verdict] = [verbs.settle(book, settlement) for settlement in settle]
            book.promote_due()
            if claim is None:
                return Exchanged(verdicts, (), None)
            claimed = work.claim(book, claim)
            return Exchanged(verdicts, claimed, None if claimed else book.next_due_in_ms(claim))

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        with self._book.transaction() as book:
            return [work.renew(book, lease, lease_ms) for lease in leases]

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        with self._book.transaction() as book:
            return [work.report(book, report) for report in reports]

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        with self._book.transaction() as book:
            return [verbs.signal(book, signal) for signal in signals]

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        with self._book.transaction() as book:
            found = (book.entries.get(job_id) for job_id in ids)
            return {entry.id: entry.row(book.now_ms) for entry in found if entry}

    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        with self._book.transaction() as book:
            found = filter(matching(where, book.now_ms), book.candidates(where))
            if cursor is not None:
                found = (e for e in found if (e.id > cursor if where.oldest_first else e.id < cursor))
            best = nsmallest if where.oldest_first else nlargest
            page = [entry.row(book.now_ms) for entry in best(limit, found, key=_ID)]
            return page, page[-1].id if len(page) == limit and page else None

    async def count(self, where: Filter, *, by: Sequence[CountBy] = ()) -> Counts:
        counts: dict[tuple[str, ...], int] = {}
        with self._book.transaction() as book:
            for entry in filter(matching(where, book.now_ms), book.candidates(where)):
                key = tuple(str(getattr(entry, name)) for name in by)
                counts[key] = counts.get(key, 0) + 1
        return counts

    async def alter(self, where: Filter, change: Alteration, *, limit: int) -> Sequence[str]:
        changed: list[str] = []
        with self._book.transaction() as book:
            passes = matching(where, book.now_ms)
            for entry in sorted(book.candidates(where), key=_ID):
                if len(changed) == limit:
                    break
                # Tested one by one: each change may change what passes.
                if passes(entry) and verbs.alter(book, entry, change):
                    changed.append(entry.id)
        return changed

    # --- feed and records ------------------------------------------------------------------------
    async def changes(self, since: Cursor, *, limit: int) -> Changes:
        with self._book.transaction() as book:
            return book.feed.read(since, limit)

    def listen(self) -> HintListener:
        return self._book.hints.listen()

    async def read(self, kind: str, *, prefix: str = "") -> Sequence[Record]:
        with self._book.transaction() as book:
            keys = sorted(key for k, key in book.records if k == kind and key.startswith(prefix))
            return [book.records[kind, key] for key in keys]

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        with self._book.transaction() as book:
            if not book.can_write(writes):
                return False
            book.write(writes)
            return True
