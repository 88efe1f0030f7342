"""A reply was lost: each verb said once more, as it was, loses nothing and charges nothing."""

from __future__ import annotations

from typing import Any

from wherry.messages import Cursor, Filter, Lease, RecordWrite, Report, SettleKind, Signal, Unique, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    ENDS,
    LEASE_MS,
    add,
    added_and_claimed,
    asking,
    changes_since,
    claim_one,
    head,
    new_job,
    row,
    settle,
    settlement,
)
from wherry.testing.conformance.world import World, case

REVIVING: tuple[SettleKind, ...] = ("retry", "snooze", "release", "suspend")


async def everything(storage: Storage, since: Cursor) -> tuple[Any, ...]:
    """All rows, records and changes."""
    rows, _ = await storage.query(Filter(), limit=99)
    records = [list(await storage.read(kind)) for kind in ("k", "step", "signal", "pause")]
    return list(rows), records, await changes_since(storage, since)


@case("Q1", "Q2")
async def an_add_with_keys_parents_and_order_said_twice_is_one(world: World) -> None:
    storage, since = world.storage, await head(world.storage)
    jobs = [
        new_job("a", unique=Unique("k", "period", 9), ordering_key="n/o"),
        new_job("b", ordering_key="n/o", delay_ms=50),
    ]
    await storage.add(jobs)
    first = await everything(storage, since)
    world.clock.advance(5)

    again = await storage.add(jobs)

    assert [(one.id, one.verdict) for one in again] == [("a", "duplicate"), ("b", "duplicate")], again
    assert await everything(storage, since) == first, "the repeat changed something"
    world.clock.advance(4)
    (other,) = await storage.add([new_job("c", unique=Unique("k", "done"))])
    assert other.verdict == "ok", "the repeat held the key for longer"


@case("Q1", "Q2", "Q3")
async def every_settlement_said_twice_is_one(world: World) -> None:
    storage, since = world.storage, await head(world.storage)
    for kind in (*ENDS, *REVIVING):
        job = await added_and_claimed(storage, kind)
        said = [settlement(job, kind, output="1", error='"e"', delay_ms=9000, wake=Wake(9000))]
        (verdict,) = (await storage.exchange(said, None)).verdicts
        first = await everything(storage, since)
        world.clock.advance(5)

        (again,) = (await storage.exchange(said, None)).verdicts

        assert (verdict, again) == ("ok", "ok"), (kind, verdict, again)
        assert await everything(storage, since) == first, f"the repeat of {kind} changed something"


@case("Q2", "Q3", "R4")
async def a_settlement_repeated_while_the_job_runs_again_touches_nothing(world: World) -> None:
    for kind in REVIVING:
        job = await added_and_claimed(world.storage, kind)
        await settle(world.storage, job, kind, wake=Wake(0))
        again = await claim_one(world.storage, ids=(kind,))
        before = await row(world.storage, kind)

        verdict = await settle(world.storage, job, kind, wake=Wake(0))

        assert verdict == "ok", (kind, verdict)
        assert await row(world.storage, kind) == before, (kind, await row(world.storage, kind))
        assert await settle(world.storage, again, "complete") == "ok", kind


@case("Q2", "R3", "Q5")
async def a_lapse_settled_twice_charges_once(world: World) -> None:
    storage, since = world.storage, await head(world.storage)
    job = await added_and_claimed(storage, "a")
    world.clock.advance(LEASE_MS)
    said = [settlement(job, "retry", error='"lost"', delay_ms=9000, if_lapsed=True)]
    await storage.exchange(said, None)
    first = await everything(storage, since)

    (again,) = (await storage.exchange(said, None)).verdicts

    assert again == "ok", again
    assert await everything(storage, since) == first, "the repeat changed something"


@case("Q2", "R3")
async def a_claim_and_its_settlements_said_twice_are_one(world: World) -> None:
    storage, since = world.storage, await head(world.storage)
    job = await added_and_claimed(storage, "a")
    await add(storage, "b", "c", "d")
    said = [settlement(job, "release")], asking(limit=2, ids=("a", "c"))
    exchanged = await storage.exchange(*said)
    first = await everything(storage, since)

    again = await storage.exchange(*said)

    assert [one.id for one in exchanged.jobs] == ["a", "c"], exchanged
    assert (list(again.verdicts), list(again.jobs)) == (["ok"], list(exchanged.jobs)), again
    assert await everything(storage, since) == first, "the repeat changed something"


@case("Q2", "R14")
async def reports_signals_and_renewals_said_twice_store_the_same(world: World) -> None:
    storage = world.storage
    job = await added_and_claimed(storage, "a")
    reports = [Report("a", job.fence, 50, "m", "1", step=("s", "1"))]
    signals = [Signal("a", "go", "1", "d")]
    stored: list[Any] = []
    for _ in range(2):
        verdicts = [*await storage.report(reports), *await storage.renew([Lease(*job[:2])], lease_ms=5000)]
        verdicts += await storage.signal(signals)
        found = (await row(storage, "a"))._replace(revision=0)
        records = [list(await storage.read(kind)) for kind in ("step", "signal")]
        stored.append((verdicts[:2], found, records))

    assert stored[0] == stored[1], stored
    assert stored[0][0] == ["ok", "ok"], stored
    kept = [tuple(one) for records in stored[0][2] for one in records]
    assert kept == [("step", "a/s", 1, "1"), ("signal", "a/go/d", 1, "1")], stored


@case("Q2", "R7", "C8", "R11")
async def every_alteration_said_twice_is_one(world: World) -> None:
    storage, since = world.storage, await head(world.storage)
    await add(storage, "waits", "w2")
    await added_and_claimed(storage, "runs")
    for change in ("cancel", "requeue", "disable", "requeue", "disable", "remove"):
        ids = ("waits", "runs")
        where = Filter(ids=ids)
        changed = await storage.alter(where, change, limit=9)
        first = await everything(storage, since)
        world.clock.advance(5)

        again = await storage.alter(where, change, limit=9)

        assert "waits" in changed, (change, changed)
        assert list(again) == [], (change, again)
        assert await everything(storage, since) == first, f"the repeat of {change} changed something"


@case("Q2", "D3")
async def a_write_said_twice_is_one(world: World) -> None:
    writes = [RecordWrite("k", "a", 0, "1"), RecordWrite("k", "b", None, "2")]
    first = await world.storage.write(writes)

    again = await world.storage.write(writes)

    found = [(one.kind, one.key, one.version) for one in await world.storage.read("k")]
    assert (first, again, found) == (True, False, [("k", "a", 1), ("k", "b", 1)]), (first, again, found)
