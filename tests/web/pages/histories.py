"""Random histories: the same calls on IndexedDB and on the memory storage must have the same answers.

Runs in Pyodide, behind in_page.py.
"""

from __future__ import annotations

import json
import random
import traceback
from collections.abc import Sequence
from typing import Any

from in_page import database  # pyright: ignore[reportMissingImports] - run before this one

from wherry.clock import ManualClock
from wherry.job import JobRow
from wherry.messages import (
    Change,
    Claimed,
    ClaimRequest,
    Cursor,
    Edge,
    Filter,
    Lease,
    NewJob,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Unique,
    Wake,
)
from wherry.storage.memory import MemoryStorage
from wherry.storage.protocol import Storage

STATES = ("blocked", "pending", "running", "suspended", "completed", "failed", "cancelled", "disabled")
KINDS = ("complete", "fail", "cancel", "disable", "retry", "snooze", "release", "suspend")


class History:
    """Makes random calls from a seed: each on the memory storage and on one of the tabs."""

    def __init__(self, seed: int, clock: ManualClock, memory: Storage, tabs: Sequence[Storage]) -> None:
        self.random = random.Random(seed)
        self.clock, self.memory, self.tabs = clock, memory, tabs
        self.fences: dict[str, int] = {}
        self.count = 0

    async def both(self, verb: str, *values: Any, **named: Any) -> Any:
        here = await getattr(self.memory, verb)(*values, **named)
        there = await getattr(self.pick(self.tabs), verb)(*values, **named)
        found = difference(plain(here), plain(there))
        assert not found, f"{verb} {values} {named}\n{found}"
        return here

    def pick(self, values: Sequence[Any]) -> Any:
        return self.random.choice(values)

    def job(self) -> str:
        """An id, mostly of a job."""
        return f"j{self.random.randrange(max(self.count, 1) + 1):04d}"

    def some(self, values: tuple[str, ...], most: int = 2) -> tuple[str, ...]:
        return tuple(self.random.sample(values, self.random.randint(1, min(most, len(values)))))

    async def step(self) -> None:
        names = (
            "add",
            "exchange",
            "exchange",
            "exchange",
            "renew",
            "report",
            "signal",
            "alter",
            "write",
            "look",
        )
        await getattr(self, self.pick(names))()
        self.clock.advance(self.pick((0, 0, 1, 500, 4000, 30_000)))

    # --- the verbs -------------------------------------------------------------------------------
    def new_job(self) -> NewJob:
        chance, now_ms = self.random.random, self.clock.now_ms()
        self.count += chance() < 0.95
        unique = Unique(self.pick("uvw"), self.pick(("queued", "done", "period")), 5000)
        parents = {self.job(), self.job()}
        edges = tuple(Edge(parent, self.pick(("fail", "run", "cancel"))) for parent in sorted(parents))
        return NewJob(
            f"j{self.count:04d}", self.pick("mn"), self.pick("pq"), self.pick("st"), "null",
            fingerprint=self.pick(("", "f", "g")), priority=self.random.randint(-2, 2),
            delay_ms=self.pick((None, 0, 3000)), run_at_ms=now_ms + 2000 if chance() < 0.1 else None,
            deadline_at_ms=now_ms + self.pick((0, 6000)) if chance() < 0.2 else None,
            unique=unique if chance() < 0.3 else None, after=edges if chance() < 0.3 else (),
            run_id=self.pick((None, "r")), tags=self.some(("a", "b")), max_attempts=2,
            ordering_key=self.pick((None, "k", "l")),
        )  # fmt: skip

    async def add(self) -> None:
        jobs = [self.new_job() for _ in range(self.random.randint(1, 5))]
        records = [self.record()] if self.random.random() < 0.1 else []
        await self.both("add", jobs, records=records)

    async def exchange(self) -> None:
        settle = [self.settlement() for _ in range(self.pick((0, 1, 3)))]
        exchanged = await self.both("exchange", settle, self.claim() if self.random.random() < 0.8 else None)
        self.fences |= {job.id: job.fence for job in exchanged.jobs}

    def lease(self) -> Lease:
        held = self.random.random() < 0.8 and self.fences
        job_id = self.pick(sorted(self.fences)) if held else self.job()
        return Lease(job_id, self.fences.get(job_id, 0))

    def settlement(self) -> Settlement:
        job_id, fence = self.lease()
        chance = self.random.random
        wake = Wake(self.pick((None, 0, 4000)), self.some(("go", "stop")), (self.job(),))
        return Settlement(
            job_id, fence, self.pick(KINDS), output="1", error=self.pick((None, "{}")),
            delay_ms=self.pick((0, 2000)), run_at_ms=self.clock.now_ms() + 1000 if chance() < 0.1 else None,
            wake=wake._replace(jobs=wake.jobs if chance() < 0.5 else ()),
            retain_ms=self.pick((None, None, 0, 5000)), if_lapsed=chance() < 0.3,
        )  # fmt: skip

    def claim(self) -> ClaimRequest:
        ids = (self.job(), self.job()) if self.random.random() < 0.1 else None
        token = f"k{self.random.randrange(400)}"
        queues = self.some(("p", "q")) if self.random.random() < 0.3 else None
        return ClaimRequest(
            token,
            "w",
            self.some(("m", "n")),
            queues,
            self.some(("s", "t")),
            self.random.randint(1, 4),
            8000,
            ids,
        )

    async def renew(self) -> None:
        await self.both("renew", [self.lease() for _ in range(3)], lease_ms=9000)

    async def report(self) -> None:
        job_id, fence = self.lease()
        step = (self.pick("xy"), "2") if self.random.random() < 0.5 else None
        news = Report(
            job_id,
            fence,
            self.pick((None, 5.5)),
            self.pick((None, "m")),
            None,
            self.some(("1", "2")),
            step,
        )
        await self.both("report", [news])

    async def signal(self) -> None:
        name, dedup = self.pick(("go", "stop")), self.pick("12")
        await self.both("signal", [Signal(self.job(), name, "{}", dedup)])

    async def alter(self) -> None:
        change = self.pick(("cancel", "requeue", "disable", "remove"))
        # One, because what the first change makes of other jobs may or may not count for the next.
        await self.both("alter", self.filter(), change, limit=1)

    def record(self) -> RecordWrite:
        kind, key = self.pick((("pause", "n/queue/q"), ("pause", "m/task/t"), ("k", "a"), ("k", "b")))
        return RecordWrite(kind, key, self.pick((None, 0, 1)), self.pick((None, None, "{}")))

    async def write(self) -> None:
        await self.both("write", [self.record() for _ in range(self.random.randint(1, 2))])

    def filter(self) -> Filter:
        parts: dict[str, Any] = {
            "namespaces": self.some(("m", "n")), "states": self.some(STATES, 4),
            "queues": self.some(("p", "q")), "tasks": self.some(("s", "t")),
            "run_id": "r", "fingerprint": self.pick(("f", "")), "tags": ("a",),
            "finished_for_ms": 4000, "lapsed": True, "expired": True, "oldest_first": True,
            "ids": tuple(self.job() for _ in range(5)),
        }  # fmt: skip
        chosen = self.random.sample(sorted(parts), self.random.randint(0, 3))
        return Filter(**{name: parts[name] for name in chosen})

    async def look(self) -> None:
        where = self.filter()
        await self.both("count", where, by=self.some(("state", "queue", "task"), 3))
        await self.both("count", where)
        _, cursor = await self.both("query", where, limit=3)
        if cursor:
            await self.both("query", where, limit=100, cursor=cursor)
        for kind in ("log", "step", "signal", "k", "pause"):
            await self.both("read", kind)


def plain(value: Any) -> Any:
    """A value in which neither tuples and lists nor the orders of recorded steps differ."""
    if isinstance(value, Claimed) and value.checkpoint:
        value = value._replace(checkpoint=json.dumps(json.loads(value.checkpoint), sort_keys=True))
    if isinstance(value, JobRow):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def difference(memory: Any, indexeddb: Any, place: str = "") -> str:
    """The first place where two plain values differ; empty if they do not."""
    if memory == indexeddb:
        return ""
    if isinstance(memory, list) and isinstance(indexeddb, list) and len(memory) == len(indexeddb):
        parts = [(f"{place}[{at}]", *pair) for at, pair in enumerate(zip(memory, indexeddb, strict=True))]
    elif isinstance(memory, dict) and isinstance(indexeddb, dict) and memory.keys() == indexeddb.keys():
        parts = [(f"{place}[{key!r}]", memory[key], indexeddb[key]) for key in memory]
    else:
        return f"at {place}\nmemory: {memory}\nindexeddb: {indexeddb}"
    return next(found for at, here, there in parts if (found := difference(here, there, at)))


async def changes(storage: Storage, since: Cursor) -> dict[str, list[Change]]:
    """What the feed tells of each job; the order of different jobs in one transaction is free."""
    told: dict[str, list[Change]] = {}
    for change in (await storage.changes(since, limit=100_000)).items:
        told.setdefault(change.job_id, []).append(change)
    return told


async def compare(seed: int, steps: int) -> str:
    """Run one history; returns what differed, empty if nothing did."""
    clock = ManualClock()
    try:
        async with (
            database(clock) as another,
            MemoryStorage(clock=clock) as memory,
            another() as tab,
            another() as other,
        ):
            starts = [(await each.changes(Cursor(""), limit=1)).cursor for each in (memory, tab)]
            history = History(seed, clock, memory, (tab, other))
            for _ in range(steps):
                await history.step()
            await history.both("get", [f"j{number:04d}" for number in range(history.count + 1)])
            here, there = await changes(memory, starts[0]), await changes(tab, starts[1])
            assert not (found := difference(plain(here), plain(there))), f"changes {found}"
    except Exception:
        return traceback.format_exc()
    return ""
