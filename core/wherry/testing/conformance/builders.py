"""Short ways to say what the cases say often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from wherry.ids import new_id
from wherry.job import JobRow
from wherry.messages import (
    Change,
    Claimed,
    ClaimRequest,
    Cursor,
    Exchanged,
    Filter,
    Lease,
    NewJob,
    Record,
    RecordWrite,
    SettleKind,
    Settlement,
    State,
    Verdict,
)
from wherry.storage.protocol import Listening, Storage

T = TypeVar("T")

NAMESPACE = "n"
LEASE_MS = 30_000
ENDS: dict[SettleKind, State] = {
    "complete": "completed",
    "fail": "failed",
    "cancel": "cancelled",
    "disable": "disabled",
}
"""The settlements after which a job is final, and its state then."""
PATIENCE_S = 20.0
"""A case that waits longer has found a lost wake-up; no passing case waits at all."""


def new_job(id: str, **fields: Any) -> NewJob:
    """A job with everything a case does not care about filled in; `fields` are those of `NewJob`."""
    usual: dict[str, Any] = {"namespace": NAMESPACE, "queue": "q", "task": "t", "input": "null"}
    return NewJob(id=id, **(usual | fields))


async def add(storage: Storage, *ids: str, **fields: Any) -> list[Verdict]:
    """Add jobs that differ in their ids only."""
    return [added.verdict for added in await storage.add([new_job(id, **fields) for id in ids])]


def asking(limit: int = 1, **fields: Any) -> ClaimRequest:
    """A claim by a worker that knows the task `t`, with a token of its own."""
    usual: dict[str, Any] = {
        "token": new_id(),
        "worker": "w",
        "namespaces": (NAMESPACE,),
        "queues": None,
        "tasks": ("t",),
        "lease_ms": LEASE_MS,
    }
    return ClaimRequest(limit=limit, **(usual | fields))


async def exchange_claim(storage: Storage, limit: int = 1, **fields: Any) -> Exchanged:
    return await storage.exchange([], asking(limit, **fields))


async def claim(storage: Storage, limit: int = 1, **fields: Any) -> Sequence[Claimed]:
    """Claim up to `limit` jobs; `fields` are those of `ClaimRequest`."""
    return (await exchange_claim(storage, limit, **fields)).jobs


async def claim_one(storage: Storage, **fields: Any) -> Claimed:
    jobs = await claim(storage, **fields)
    assert len(jobs) == 1, jobs
    return jobs[0]


async def claim_ids(storage: Storage, limit: int = 99, **fields: Any) -> list[str]:
    return [job.id for job in await claim(storage, limit, **fields)]


async def added_and_claimed(storage: Storage, id: str, **fields: Any) -> Claimed:
    """Add one job and claim it."""
    await storage.add([new_job(id, **fields)])
    return await claim_one(storage, ids=(id,))


def settlement(job: Claimed | Lease | JobRow, kind: SettleKind, **fields: Any) -> Settlement:
    return Settlement(job.id, job.fence, kind, **fields)


async def settle(storage: Storage, job: Claimed | Lease | JobRow, kind: SettleKind, **fields: Any) -> Verdict:
    """Settle one attempt; `fields` are those of `Settlement`."""
    exchanged = await storage.exchange([settlement(job, kind, **fields)], None)
    assert len(exchanged.verdicts) == 1, exchanged
    return exchanged.verdicts[0]


async def renew(storage: Storage, job: Claimed | Lease, lease_ms: int = LEASE_MS) -> Verdict:
    (verdict,) = await storage.renew([Lease(job.id, job.fence)], lease_ms=lease_ms)
    return verdict


async def row(storage: Storage, id: str) -> JobRow:
    return (await storage.get([id]))[id]


async def states(storage: Storage, *ids: str) -> list[str]:
    rows = await storage.get(ids)
    return [rows[id].state for id in ids]


async def query_ids(storage: Storage, limit: int = 99, **parts: Any) -> list[str]:
    """Ids of the first page; `parts` are those of `Filter`."""
    rows, _ = await storage.query(Filter(**parts), limit=limit)
    return [found.id for found in rows]


async def write(
    storage: Storage, key: str, value: str | None, *, expected: int | None, kind: str = "k"
) -> bool:
    return await storage.write([RecordWrite(kind, key, expected, value)])


async def read(storage: Storage, kind: str = "k", prefix: str = "") -> list[tuple[str, int, str]]:
    """Records as (key, version, value)."""
    return [(found.key, found.version, found.value) for found in await storage.read(kind, prefix=prefix)]


async def record(storage: Storage, kind: str, key: str) -> Record | None:
    found = [record for record in await storage.read(kind, prefix=key) if record.key == key]
    return found[0] if found else None


async def pause(storage: Storage, key: str) -> None:
    await write(storage, key, "{}", expected=None, kind="pause")


async def head(storage: Storage) -> Cursor:
    """The end of the feed now."""
    return (await storage.changes(Cursor(""), limit=1)).cursor


async def changes_since(storage: Storage, cursor: Cursor) -> list[Change]:
    """Everything after the cursor, page by page."""
    found: list[Change] = []
    while True:
        page = await storage.changes(cursor, limit=100)
        assert not page.resync, page
        if not page.items:
            return found
        found += page.items
        cursor = page.cursor


def listening(storage: Storage) -> aclosing[Listening]:
    """`async with listening(storage) as hints`: closed at the end."""
    return aclosing(storage.listen())


async def in_time(waiting: Awaitable[T]) -> T:
    """The result, or TimeoutError instead of a run that hangs."""
    return await asyncio.wait_for(waiting, PATIENCE_S)
