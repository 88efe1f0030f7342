"""The store's clock jumps by an hour: it moves what it passes and nothing else."""

from __future__ import annotations

from wherry.messages import Edge, Filter, Signal, Unique, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    claim_ids,
    claim_one,
    exchange_claim,
    head,
    new_job,
    query_ids,
    renew,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


async def add_one_of_each(storage: Storage, now_ms: int) -> None:
    """Jobs with something that is over in a minute, and what a key is held for."""
    far = {"delay_ms": 2 * HOUR_MS}
    await add(storage, "a-deadline", deadline_at_ms=now_ms + MINUTE_MS, **far)
    await add(storage, "a-unique", unique=Unique("key", "period", MINUTE_MS), **far)
    await add(storage, "b-later", delay_ms=MINUTE_MS)
    await settle(storage, await added_and_claimed(storage, "c-retry"), "retry", delay_ms=MINUTE_MS)
    asleep = await added_and_claimed(storage, "d-asleep")
    await settle(storage, asleep, "suspend", wake=Wake(after_ms=MINUTE_MS))
    await settle(storage, await added_and_claimed(storage, "e-kept"), "complete", retain_ms=MINUTE_MS)
    await settle(storage, await added_and_claimed(storage, "f-hidden"), "complete", retain_ms=0)


@case("Q4", "R8", "R11", "R15", "U1")
async def an_hour_back_ends_and_starts_nothing_early(world: World) -> None:
    storage = world.storage
    await add_one_of_each(storage, world.clock.now_ms())
    world.clock.advance(-HOUR_MS)

    found = await exchange_claim(storage, limit=9)
    (offered,) = await storage.add([new_job("late", unique=Unique("key", "done"))])

    assert (list(found.jobs), found.next_due_in_ms) == ([], HOUR_MS + MINUTE_MS), found
    assert await query_ids(storage, lapsed=True) + await query_ids(storage, expired=True) == [], "over early"
    assert (offered.id, offered.verdict) == ("a-unique", "duplicate"), offered
    world.clock.advance(HOUR_MS + MINUTE_MS - 1)
    assert await claim_ids(storage) == [], "due early"


@case("Q4", "R8", "R11", "R15", "U1")
async def an_hour_forward_ends_and_starts_what_it_passes(world: World) -> None:
    storage = world.storage
    await add_one_of_each(storage, world.clock.now_ms())
    world.clock.advance(HOUR_MS)

    claimed = await claim_ids(storage)
    (offered,) = await storage.add([new_job("late", unique=Unique("key", "done"))])

    assert claimed == ["b-later", "c-retry", "d-asleep"], claimed
    assert await query_ids(storage, lapsed=True) == ["a-deadline"], await query_ids(storage, lapsed=True)
    expired = await query_ids(storage, expired=True, oldest_first=True)
    assert (expired, offered.verdict) == (["e-kept", "f-hidden"], "ok"), (expired, offered)


@case("Q4", "R3")
async def an_hour_forward_and_back_costs_a_live_job_nothing(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    before = await row(world.storage, "a")

    for hours in (1, -1, -1, 1):
        world.clock.advance(hours * HOUR_MS)
        await exchange_claim(world.storage, limit=9)
        assert (await row(world.storage, "a")).fence == job.fence, f"taken after {hours} h"
        assert await renew(world.storage, job) == "ok", f"lost after {hours} h"

    found = await row(world.storage, "a")
    assert found == before, (before, found)
    assert await settle(world.storage, job, "complete") == "ok", found


@case("Q4", "R3")
async def an_hour_forward_does_not_move_what_waits_for_others(world: World) -> None:
    storage = world.storage
    await added_and_claimed(storage, "running")
    await settle(storage, await added_and_claimed(storage, "asleep"), "suspend", wake=Wake(signals=("go",)))
    await add(storage, "blocked", after=(Edge("running"),))
    ids = ("running", "asleep", "blocked")
    before = {id: one.state for id, one in (await storage.get(ids)).items()}
    world.clock.advance(HOUR_MS)

    found = await exchange_claim(storage, limit=9)

    assert list(found.jobs) == [], found
    after = {id: one.state for id, one in (await storage.get(ids)).items()}
    assert after == before, after
    assert await query_ids(storage, lapsed=True) == ["running"], "only a lease and a deadline lapse"


@case("R11", "Q4")
async def what_ended_before_the_clock_went_back_is_young(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "fail")
    world.clock.advance(-HOUR_MS)

    early = await query_ids(world.storage, finished_for_ms=0)
    world.clock.advance(HOUR_MS)

    assert early == [], "an age cannot be negative"
    assert await query_ids(world.storage, finished_for_ms=0) == ["a"], await row(world.storage, "a")


@case("C1", "Q12")
async def the_feed_keeps_commit_order_whatever_the_clock_does(world: World) -> None:
    cursor = await head(world.storage)
    for number, hours in enumerate((1, -1, -1, 2, -1)):
        world.clock.advance(hours * HOUR_MS)
        await add(world.storage, f"{number}")
        page = await world.storage.changes(cursor, limit=9)
        assert ([one.job_id for one in page.items], page.resync) == ([f"{number}"], False), (hours, page)
        cursor = page.cursor


@case("R7", "R8", "Q4")
async def a_lapse_of_an_hour_ago_is_settled_as_the_row_says(world: World) -> None:
    storage = world.storage
    job = await added_and_claimed(storage, "a", deadline_at_ms=world.clock.now_ms() + 2 * LEASE_MS)
    await storage.alter(Filter(ids=("a",)), "cancel", limit=1)
    world.clock.advance(HOUR_MS)

    late = await storage.signal([Signal("a", "go", "1", "1")])
    verdict = await settle(storage, job, "retry", if_lapsed=True)

    found = await row(storage, "a")
    assert (list(late), verdict, found.state) == (["ok"], "cancel", "cancelled"), (late, verdict, found)
    assert await storage.count(Filter()) == {(): 1}, found


@case("R12", "Q4")
async def jobs_claimed_after_the_clock_went_back_start_at_its_time(world: World) -> None:
    first = await added_and_claimed(world.storage, "a")
    await settle(world.storage, first, "release")
    world.clock.advance(-HOUR_MS)

    again = await claim_one(world.storage)

    found, now_ms = await row(world.storage, "a"), world.clock.now_ms()
    assert (again.fence, found.attempted_at_ms, found.started_at_ms) == (2, now_ms, now_ms + HOUR_MS), found
    assert found.lease_until_ms == now_ms + LEASE_MS, found
