"""Group commit over any storage: what comes while a call is under way leaves in one call.

Renewals have a lane of their own, so they never wait behind anything else here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, Self, TypeVar

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
from wherry.storage.joined_exchange import Exchange, Exchanges
from wherry.storage.lane import Lane, Size
from wherry.storage.protocol import CountBy, Listening, Storage

T = TypeVar("T")


class _Renewal(NamedTuple):
    leases: Sequence[Lease]
    lease_ms: int


class JoinedStorage:
    """A storage whose concurrent calls of `add exchange renew report signal get` are joined.

    Answers are dealt back in order.  `add` with records, and claims that differ in more than token
    and limit, go alone.  Use it from one event loop; `fork()` is for another.

    Args:
        storage: entered and left with this one.
        namespace: whose jobs; clients and workers take it from here unless told otherwise.
    """

    def __init__(self, storage: Storage, *, namespace: str = "") -> None:
        self.namespace = namespace
        self._storage = storage
        exchanges = Exchanges(storage)
        self._adds = Lane(self._add, _size_of_add, _anyone)
        self._exchanges = Lane(exchanges.send, exchanges.size, exchanges.company)
        self._renewals = Lane(self._renew, _size_of_renewal, _same_lease)
        self._reports = Lane(self._report, _size_of_reports, _anyone)
        self._signals = Lane(self._signal, _size_of_signals, _anyone)
        self._gets = Lane(self._get, _size_of_get, _anyone)

    @property
    def url(self) -> str:
        return self._storage.url

    @property
    def capabilities(self) -> Capabilities:
        return self._storage.capabilities

    @property
    def store_id(self) -> str | None:
        return self._storage.store_id

    def fork(self) -> JoinedStorage:
        return JoinedStorage(self._storage.fork(), namespace=self.namespace)

    async def __aenter__(self) -> Self:
        await self._storage.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        lanes = (self._adds, self._exchanges, self._renewals, self._reports, self._signals, self._gets)
        try:
            for lane in lanes:
                await lane.drain()
        finally:
            await self._storage.__aexit__(*exc)

    # --- verbs that join -------------------------------------------------------------------------
    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        if records:
            return await self._storage.add(jobs, records=records)
        return await self._adds.call(jobs)

    async def _add(self, calls: Sequence[Sequence[NewJob]]) -> Sequence[Sequence[Added]]:
        return _dealt(await self._storage.add(_together(calls)), calls)

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        return await self._exchanges.call(Exchange(settle, claim))

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        return await self._renewals.call(_Renewal(leases, lease_ms))

    async def _renew(self, calls: Sequence[_Renewal]) -> Sequence[Sequence[Verdict]]:
        leases = [call.leases for call in calls]
        return _dealt(await self._storage.renew(_together(leases), lease_ms=calls[0].lease_ms), leases)

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        return await self._reports.call(reports)

    async def _report(self, calls: Sequence[Sequence[Report]]) -> Sequence[Sequence[Verdict]]:
        return _dealt(await self._storage.report(_together(calls)), calls)

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        return await self._signals.call(signals)

    async def _signal(self, calls: Sequence[Sequence[Signal]]) -> Sequence[Sequence[Verdict]]:
        return _dealt(await self._storage.signal(_together(calls)), calls)

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        return await self._gets.call(ids)

    async def _get(self, calls: Sequence[Sequence[str]]) -> Sequence[Mapping[str, JobRow]]:
        found = await self._storage.get(list(dict.fromkeys(_together(calls))))
        if len(calls) == 1:
            return (found,)
        return [{job_id: found[job_id] for job_id in ids if job_id in found} for ids in calls]

    # --- verbs that pass -------------------------------------------------------------------------
    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        return await self._storage.query(where, limit=limit, cursor=cursor)

    async def count(self, where: Filter, *, by: Sequence[CountBy] = ()) -> Counts:
        return await self._storage.count(where, by=by)

    async def alter(self, where: Filter, change: Alteration, *, limit: int) -> Sequence[str]:
        return await self._storage.alter(where, change, limit=limit)

    async def changes(self, since: Cursor, *, limit: int) -> Changes:
        return await self._storage.changes(since, limit=limit)

    def listen(self) -> Listening:
        return self._storage.listen()

    async def read(self, kind: str, *, prefix: str = "") -> Sequence[Record]:
        return await self._storage.read(kind, prefix=prefix)

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        return await self._storage.write(writes)


# --- how large requests are, and which join ------------------------------------------------------------
def _size_of_add(jobs: Sequence[NewJob]) -> Size:
    if len(jobs) == 1:
        return Size(1, len(jobs[0].input))
    return Size(len(jobs), sum(len(job.input) for job in jobs))


def _size_of_renewal(call: _Renewal) -> Size:
    return Size(len(call.leases))


def _size_of_reports(reports: Sequence[Report]) -> Size:
    texts = chain.from_iterable((each.details or "", *each.logs, *(each.step or ())) for each in reports)
    return Size(sum(1 + len(each.logs) for each in reports), sum(map(len, texts)))


def _size_of_signals(signals: Sequence[Signal]) -> Size:
    return Size(len(signals), sum(len(each.payload) for each in signals))


def _size_of_get(ids: Sequence[str]) -> Size:
    return Size(len(ids))


def _anyone() -> Callable[[Any], bool]:
    return lambda _: True


def _same_lease() -> Callable[[_Renewal], bool]:
    lease_ms: int | None = None

    def fits(call: _Renewal) -> bool:
        nonlocal lease_ms
        lease_ms = lease_ms or call.lease_ms
        return call.lease_ms == lease_ms

    return fits


def _together(calls: Sequence[Sequence[T]]) -> Sequence[T]:
    return calls[0] if len(calls) == 1 else list(chain.from_iterable(calls))


def _dealt(answers: Sequence[T], calls: Sequence[Sequence[object]]) -> Sequence[Sequence[T]]:
    if len(calls) == 1:
        return (answers,)
    left = iter(answers)
    return [list(islice(left, len(call))) for call in calls]
