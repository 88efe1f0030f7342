"""R3, Q4, Q5: who is expired, and who is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, NoReturn

import pytest

from wherry.clock import ManualClock
from wherry.errors import Forbidden
from wherry.job import JobRow
from wherry.messages import ClaimRequest, Filter, Lease, NewJob, Settlement
from wherry.storage.memory import MemoryStorage
from wherry.sweeper import Grace, Sweeper, steady_ms


def request(worker: str = "w") -> ClaimRequest:
    return ClaimRequest(f"{worker}-token", worker, ("",), None, ("t",), 10, 1000)


def test_nothing_is_expired_for_one_lease_after_the_start() -> None:
    grace = Grace(lease_ms=30_000)

    assert not grace.allows(wall_ms=0, steady_ms=0)
    assert not grace.allows(wall_ms=29_999, steady_ms=29_999)
    assert grace.allows(wall_ms=30_000, steady_ms=30_000)


def test_a_clock_that_jumps_forward_costs_nobody_a_live_job() -> None:
    grace = Grace(lease_ms=30_000)
    grace.allows(wall_ms=0, steady_ms=0)
    assert grace.allows(wall_ms=31_000, steady_ms=31_000)

    assert not grace.allows(wall_ms=3_632_000, steady_ms=32_000)
    assert grace.allows(wall_ms=3_662_000, steady_ms=62_000)


def test_a_lease_longer_than_the_grace_gets_what_was_left_of_it() -> None:
    grace = Grace(lease_ms=1000)
    grace.allows(wall_ms=0, steady_ms=0)
    grace.allows(wall_ms=3_600_000, steady_ms=2000)  # an hour ahead, less two seconds

    assert grace.allows(wall_ms=3_605_000, steady_ms=7000)
    assert grace.spares(60_000), "it had 58 s to go, 5 s are over"
    assert not grace.spares(1000), "it was over before the jump"
    assert not grace.spares(3_602_000), "it was renewed after the jump"
    grace.allows(wall_ms=3_659_000, steady_ms=61_000)
    assert not grace.spares(60_000)


def test_a_clock_that_jumps_back_changes_nothing() -> None:
    grace = Grace(lease_ms=30_000)
    grace.allows(wall_ms=0, steady_ms=0)

    assert grace.allows(wall_ms=-3_600_000, steady_ms=31_000)


@pytest.mark.parametrize(("worker", "verdicts"), [("w", []), ("another", ["ok"])])
async def test_a_lease_that_is_found_lapsed_is_left_to_others_for_a_while(
    worker: str, verdicts: list[str]
) -> None:
    clock = ManualClock()
    storage = await lapsed_storage(clock)
    left_ms = {worker: 5_000}
    sweeper = Sweeper(
        storage, lease_ms=0, wall_ms=clock.now_ms, patience=lambda row: left_ms.get(row.worker or "", 0)
    )
    clock.advance(3_600_000)  # it lapsed long ago, and nobody could look

    assert await sweeper.sweep() == verdicts

    left_ms.clear()
    assert verdicts + await sweeper.sweep() == ["ok"]


async def lapsed_storage(clock: ManualClock, **changes: object) -> MemoryStorage:
    storage = MemoryStorage(clock=clock)
    job = NewJob("j", "", "q", "t", "null", max_attempts=2)._replace(**changes)  # type: ignore[arg-type]
    await storage.add([job])
    await storage.exchange([], request())
    clock.advance(1500)
    return storage


async def test_a_lapsed_job_is_pending_again_and_keeps_the_error() -> None:
    clock = ManualClock()
    storage = await lapsed_storage(clock)
    sweeper = Sweeper(storage, lease_ms=0, wall_ms=clock.now_ms)

    verdicts = await sweeper.sweep()

    row = (await storage.get(["j"]))["j"]
    assert (verdicts, row.state, row.attempt) == (["ok"], "pending", 1)
    assert "lease_lapsed" in row.errors


def test_it_looks_often_enough_for_recovery_within_the_lease_and_five_seconds() -> None:
    for lease_ms in (1000, 30_000, 600_000):
        sweeper = Sweeper(MemoryStorage(), lease_ms=lease_ms)

        assert sweeper.period_s + 1.0 < 5.0


async def test_within_its_grace_the_sweeper_leaves_leases_but_not_deadlines() -> None:
    clock = ManualClock()
    storage = await lapsed_storage(clock)
    await storage.add([NewJob("late", "", "q", "t", "null", deadline_at_ms=clock.now_ms() - 1)])
    sweeper = Sweeper(storage, lease_ms=30_000, wall_ms=clock.now_ms)

    await sweeper.sweep()

    rows = await storage.get(["j", "late"])
    assert (rows["j"].state, rows["late"].state) == ("running", "failed")


async def test_a_jump_while_the_sweeper_looks_is_seen_in_time() -> None:
    clock = ManualClock()
    storage = await lapsed_storage(clock)
    await storage.renew([Lease("j", 1)], lease_ms=1000)
    sweeper = Sweeper(JumpingStorage(storage, clock), lease_ms=1000, wall_ms=clock.now_ms)
    sweeper._grace.allows(wall_ms=clock.now_ms() - 2000, steady_ms=steady_ms() - 2000)

    await sweeper.sweep()

    assert (await storage.get(["j"]))["j"].state == "running"


class JumpingStorage(MemoryStorage):
    """The clock jumps an hour ahead between the sweeper's decision to look and the look."""

    def __init__(self, inner: MemoryStorage, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self._inner, self._manual = inner, clock

    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        self._manual.advance(3_600_000)
        return await self._inner.query(where, limit=limit, cursor=cursor)


async def test_what_was_kept_long_enough_is_removed() -> None:
    clock = ManualClock()
    storage = await lapsed_storage(clock)
    await storage.exchange([Settlement("j", 1, "complete", output="1", retain_ms=0)], None)
    sweeper = Sweeper(storage, lease_ms=0, wall_ms=clock.now_ms)
    await sweeper.sweep()
    assert "j" in await storage.get(["j"])

    clock.advance(60_001)
    await Sweeper(storage, lease_ms=0, wall_ms=clock.now_ms).sweep()

    assert await storage.get(["j"]) == {}
    assert await storage.count(Filter()) == {}


class Forbidding:
    """A storage whose token may remove nothing."""

    def __init__(self, storage: MemoryStorage, refused: asyncio.Event) -> None:
        self._storage, self._refused = storage, refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def alter(self, *values: object, **named: object) -> NoReturn:
        self._refused.set()
        raise Forbidden("operate")


async def test_a_sweeper_that_may_remove_nothing_settles_what_lapsed_all_the_same() -> None:
    clock, refused = ManualClock(), asyncio.Event()
    storage = await lapsed_storage(clock)
    sweeper = Sweeper(Forbidding(storage, refused), lease_ms=0, wall_ms=clock.now_ms)  # type: ignore[arg-type]
    running = asyncio.create_task(sweeper.run())
    await asyncio.wait_for(refused.wait(), 10)
    settled = (await storage.get(["j"]))["j"].state
    await storage.add([NewJob("late", "", "q", "t", "null", deadline_at_ms=clock.now_ms() - 1)])
    async with asyncio.timeout(10), aclosing(storage.listen()) as hints:
        async for _ in hints:
            if (await storage.get(["late"]))["late"].state == "failed":
                break

    assert (settled, running.done()) == ("pending", False)
    running.cancel()
    await asyncio.wait((running,))
