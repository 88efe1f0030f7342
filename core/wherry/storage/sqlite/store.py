"""`SQLiteStorage`: the fourteen verbs, each one hop to the store's thread and one transaction there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Self, TypeVar

from wherry.clock import Clock, SystemClock
from wherry.errors import InvalidInput, StorageUnavailable, UnsupportedByStorage
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
from wherry.storage.protocol import CountBy
from wherry.storage.sqlite import altering, attempts, claiming, feed, finding, intake
from wherry.storage.sqlite.bell import Bell, BellListener
from wherry.storage.sqlite.records import read_records, write_records
from wherry.storage.sqlite.session import Session
from wherry.storage.sqlite.thread import StoreThread
from wherry.storage.sqlite.transaction import Transaction

T = TypeVar("T")

Synchronous = Literal["normal", "full"]

_DURABILITY: dict[Synchronous, Literal["process", "power"]] = {"normal": "process", "full": "power"}


class SQLiteStorage:
    """Jobs in one database file, for any number of processes of this host.

    Args:
        path: of the database; a new one is made if there is none.  Beside it lie `PATH-wal`,
            `PATH-shm` and `PATH-gate`.
        synchronous: `normal` outlives every crash of processes; `full` outlives a power cut too and
            waits for the disk at each commit.
        clock: where the store reads the time; the host's by default.

    Raises, when it is entered: NotAStore, SchemaTooNew, StorageUnavailable.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, synchronous: Synchronous = "normal", clock: Clock | None = None
    ) -> None:
        if synchronous not in _DURABILITY:
            raise InvalidInput("the SQLite storage", [f"synchronous: {synchronous!r} is not normal or full"])
        self._path, self._clock = os.fspath(path), clock or SystemClock()
        self._synchronous: Synchronous = synchronous
        self.capabilities = Capabilities(
            feed="log", atomic="batch", clock="host", durability=_DURABILITY[synchronous],
            priority=True, limits=False, shared="host", max_payload=1_049_600,
        )  # fmt: skip
        self._bell = Bell()
        self._thread: StoreThread | None = None
        self._parent: SQLiteStorage | None = None
        self._entered = False
        self.store_id: str | None = None

    @property
    def url(self) -> str:
        option = "?synchronous=full" if self._synchronous == "full" else ""
        return f"sqlite:{self._path}{option}"

    def fork(self) -> SQLiteStorage:
        """The same connection and thread, for another event loop."""
        fork = SQLiteStorage(self._path, synchronous=self._synchronous, clock=self._clock)
        fork._bell, fork._parent = self._bell, self._parent or self
        return fork

    async def __aenter__(self) -> Self:
        if self._entered:
            raise StorageUnavailable(f"{self.url} was entered before: make a new storage.")
        self._entered = True
        if self._parent is not None:
            self._thread, self.store_id = self._parent._running(), self._parent.store_id
            return self
        thread = StoreThread(f"wherry {self.url}", self._open)
        self.store_id = await thread.start()
        self._thread = thread
        return self

    async def __aexit__(self, *exc: object) -> None:
        thread, self._thread = self._running(), None
        if self._parent is None:
            try:
                await thread.stop()
            finally:
                self._bell.close()

    def _open(self) -> Session:
        return Session(self._path, self._synchronous, self._clock, self._bell)

    def _running(self) -> StoreThread:
        if self._thread is None:
            raise StorageUnavailable(f"{self.url} is not open: use it inside `async with`.")
        return self._thread

    async def _write(self, verb: Callable[[Transaction], T], *, urgent: bool = False) -> T:
        return await self._running().call(lambda session: session.write(verb), urgent=urgent)

    async def _read(self, verb: Callable[[Transaction], T]) -> T:
        return await self._running().call(lambda session: session.read(verb))

    async def _search(self, where: Filter) -> None:
        if where.fingerprint:
            await self._running().call(Session.index_outcomes)

    # --- jobs ------------------------------------------------------------------------------------
    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        if any(job.gates for job in jobs):
            raise UnsupportedByStorage("limits", "SQLite", "submit without gates.")

        def take(session: Session) -> Sequence[Added]:
            return session.write(lambda tx: intake.add(tx, jobs, records), heard_here=True)

        added = self._running().call(take, in_company=self._bell.listened)
        # What a listener does now is queued behind it: an idle worker claims while the job is being stored.
        self._bell.ring_here()
        return await added

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        return await self._write(lambda tx: claiming.exchange(tx, settle, claim))

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        return await self._write(lambda tx: attempts.renew(tx, leases, lease_ms), urgent=True)

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        return await self._write(lambda tx: attempts.report(tx, reports))

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        return await self._write(lambda tx: attempts.signal(tx, signals))

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        return await self._read(lambda tx: finding.get(tx, ids))

    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        await self._search(where)
        return await self._read(lambda tx: finding.query(tx, where, limit, cursor))

    async def count(self, where: Filter, *, by: Sequence[CountBy] = ()) -> Counts:
        await self._search(where)
        return await self._read(lambda tx: finding.count(tx, where, by))

    async def alter(self, where: Filter, change: Alteration, *, limit: int) -> Sequence[str]:
        return await self._write(lambda tx: altering.alter(tx, where, change, limit))

    # --- feed and records ------------------------------------------------------------------------
    async def changes(self, since: Cursor, *, limit: int) -> Changes:
        def read(session: Session) -> Changes:
            session.mark()
            return session.read(lambda tx: feed.read(tx, session.store_id, since, limit))

        return await self._running().call(read)

    def listen(self) -> BellListener:
        thread = self._running()
        listener = self._bell.listen()
        thread.nudge()
        return listener

    async def read(self, kind: str, *, prefix: str = "") -> Sequence[Record]:
        return await self._read(lambda tx: read_records(tx, kind, prefix))

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        return await self._write(lambda tx: write_records(tx, writes))
