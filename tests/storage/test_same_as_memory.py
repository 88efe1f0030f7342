"""Random calls on two stores: whatever memory, the reference, answers, SQLite answers too."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from wherry.clock import ManualClock
from wherry.messages import (
    FINAL_STATES,
    Claimed,
    Cursor,
    Edge,
    Filter,
    Lease,
    NewJob,
    RecordWrite,
    Report,
    SettleKind,
    Settlement,
    Signal,
    Unique,
    Wake,
)
from wherry.storage.memory import MemoryStorage
from wherry.storage.protocol import Storage
from wherry.storage.sqlite import SQLiteStorage
from wherry.testing.conformance import asking

IDS = [f"job-{number:02d}" for number in range(24)]
KINDS: tuple[SettleKind, ...] = (
    "complete", "complete", "complete", "fail", "cancel", "disable", "retry", "snooze", "release", "suspend",
)  # fmt: skip
STEPS = 60

Call = Callable[[Storage], Awaitable[Any]]


class Player:
    """Makes up calls, with what it has seen of leases."""

    def __init__(self, seed: int, clock: ManualClock) -> None:
        self.random = random.Random(seed)
        self.clock = clock
        self.leases: list[Lease] = [Lease("job-00", 1)]
        self.requests = [asking(1)]

    def call(self) -> Call:
        makers = (
            self.add, self.add, self.add, self.exchange, self.exchange, self.exchange, self.exchange,
            self.renew, self.report, self.signal, self.alter, self.write, self.lapse,
        )  # fmt: skip
        return self.random.choice(makers)()

    def add(self) -> Call:
        jobs = [self.job() for _ in range(self.random.randint(1, 4))]
        return lambda storage: storage.add(jobs)

    def job(self) -> NewJob:
        pick = self.random
        after = tuple(
            Edge(pick.choice(IDS), pick.choice(("fail", "run", "cancel")))
            for _ in range(pick.choice((0, 0, 0, 1, 2)))
        )
        unique = Unique(f"key-{pick.randrange(3)}", pick.choice(("queued", "done", "period")), 900)
        return NewJob(
            pick.choice(IDS), pick.choice(("n", "m")), pick.choice(("q", "r")), pick.choice(("t", "u")), "1",
            fingerprint=pick.choice(("", "f1", "f2")), priority=pick.choice((0, 0, 1)),
            delay_ms=pick.choice((None, None, 300)), max_attempts=3, unique=pick.choice((None, None, unique)),
            deadline_at_ms=pick.choice((None, None, None, self.clock.now_ms() + 2000)), after=after,
            run_id=pick.choice((None, "run")), tags=pick.choice(((), ("x",), ("x", "y"))),
            ordering_key=pick.choice((None, "n/a", "n/b")),
        )  # fmt: skip

    def exchange(self) -> Call:
        pick = self.random
        settle = [self.settlement() for _ in range(pick.choice((0, 1, 1, 2, 5)))]
        request = pick.choice(
            (None, asking(pick.randint(0, 4)), asking(3, namespaces=("n", "m"), tasks=("t", "u")))
        )
        if pick.random() < 0.15:
            request = pick.choice(self.requests)
        if request is not None:
            self.requests.append(request)
        return lambda storage: storage.exchange(settle, request)

    def settlement(self) -> Settlement:
        pick = self.random
        job_id, fence = pick.choice(self.leases)
        wake = Wake(
            pick.choice((None, 400)), pick.choice(((), ("go",))), tuple(pick.sample(IDS, pick.choice((0, 1))))
        )
        return Settlement(
            job_id, pick.choice((fence, fence, fence, fence - 1)), pick.choice(KINDS), output="2",
            error=pick.choice((None, '{"e":1}')), delay_ms=pick.choice((0, 200)), wake=wake,
            retain_ms=pick.choice((None, None, None, 0, 1000)), if_lapsed=pick.random() < 0.2,
        )  # fmt: skip

    def renew(self) -> Call:
        leases = [self.random.choice(self.leases) for _ in range(3)]
        return lambda storage: storage.renew(leases, lease_ms=1500)

    def report(self) -> Call:
        pick = self.random
        reports = [
            Report(
                *pick.choice(self.leases), pick.choice((None, 100 / 3)), pick.choice((None, "m")),
                logs=pick.choice(((), ('"l1"', '"l2"'))), step=pick.choice((None, ("s", "1"), ("s2", "2"))),
            )
            for _ in range(3)
        ]  # fmt: skip
        return lambda storage: storage.report(reports)

    def signal(self) -> Call:
        signals = [Signal(self.random.choice(IDS), "go", "1", self.random.choice("ab")) for _ in range(2)]
        return lambda storage: storage.signal(signals)

    def alter(self) -> Call:
        pick = self.random
        where = Filter(ids=pick.sample(IDS, 3))
        change = pick.choice(("cancel", "requeue", "disable", "remove"))
        return lambda storage: storage.alter(where, change, limit=2)

    def write(self) -> Call:
        pick = self.random
        key = pick.choice(("n/queue/q", "n/task/u"))
        writes = [RecordWrite("pause", key, pick.choice((None, None, 0, 1)), pick.choice((None, None, "1")))]
        return lambda storage: storage.write(writes)

    def lapse(self) -> Call:
        where = Filter(lapsed=True)
        self.clock.advance(self.random.choice((1, 100, 700)))
        return lambda storage: storage.query(where, limit=50)

    def learn(self, answer: Any) -> None:
        for job in getattr(answer, "jobs", ()):
            self.leases.append(Lease(job.id, job.fence))
        self.leases = self.leases[-12:]


def plain(answer: Any) -> Any:
    """What the caller sees, lists and tuples alike; members of a checkpoint have no order."""
    if isinstance(answer, Claimed):
        return {**answer._asdict(), "checkpoint": json.loads(answer.checkpoint or "{}")}
    if hasattr(answer, "_asdict"):
        return {name: plain(value) for name, value in answer._asdict().items()}
    if isinstance(answer, list | tuple):
        return [plain(each) for each in answer]  # pyright: ignore[reportUnknownVariableType] - of anything
    return answer


async def everything(storage: Storage, since: Cursor) -> dict[str, Any]:
    """All that a reader can find out."""
    filters = [
        Filter(), Filter(oldest_first=True), Filter(lapsed=True), Filter(expired=True), Filter(run_id="run"),
        Filter(tags=["x", "y"]), Filter(queues=["q"], tasks=["u"]), Filter(finished_for_ms=500),
        Filter(fingerprint="f1", states=["completed"]), Filter(fingerprint="f2"), Filter(namespaces=["m"]),
        *(Filter(states=[state]) for state in ("blocked", "pending", "running", "suspended", *FINAL_STATES)),
    ]  # fmt: skip
    changes = (await storage.changes(since, limit=100_000)).items
    return {
        "rows": [await storage.query(where, limit=1000) for where in filters],
        "counts": [await storage.count(where, by=("state", "queue", "task")) for where in filters],
        "got": dict(await storage.get(IDS)),
        "records": [list(await storage.read(kind)) for kind in ("log", "step", "signal", "pause")],
        "changes": sorted(
            (each.job_id, each.revision, each.kind, each.namespace, each.lane) for each in changes
        ),
    }


@pytest.mark.parametrize("seed", range(40))
async def test_sqlite_answers_as_memory_does(seed: int, tmp_path: Path) -> None:
    clock = ManualClock()
    player = Player(seed, clock)
    async with (
        MemoryStorage(clock=clock) as memory,
        SQLiteStorage(tmp_path / "jobs.db", clock=clock) as sqlite,
    ):
        starts = [(await storage.changes(Cursor(""), limit=1)).cursor for storage in (memory, sqlite)]
        for step in range(STEPS):
            call = player.call()
            expected = await call(memory)
            answer = await call(sqlite)
            assert plain(answer) == plain(expected), f"step {step}"
            player.learn(expected)
            clock.advance(player.random.choice((0, 0, 50)))
        states = [await everything(s, start) for s, start in zip((memory, sqlite), starts, strict=True)]
        for part, expected in states[0].items():
            assert plain(states[1][part]) == plain(expected), part
