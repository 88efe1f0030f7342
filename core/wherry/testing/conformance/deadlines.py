"""Deadlines: the end of a job, whatever it is doing."""

from __future__ import annotations

from wherry.messages import Edge, Filter, Lease, Wake
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    asking,
    claim_ids,
    claim_one,
    query_ids,
    row,
    settle,
    settlement,
)
from wherry.testing.conformance.world import World, case


@case("R8")
async def a_job_is_not_claimed_when_its_deadline_is_over(world: World) -> None:
    deadline_at_ms = world.clock.now_ms() + 1000
    await add(world.storage, "a", deadline_at_ms=deadline_at_ms)
    await add(world.storage, "b")
    world.clock.advance(1000)

    claimed = await claim_ids(world.storage)

    assert claimed == ["b"], claimed
    found = await row(world.storage, "a")
    assert (found.state, found.lapse, found.attempt) == ("pending", "deadline", 0), found


@case("R8")
async def many_jobs_past_their_deadline_hold_nobody_up(world: World) -> None:
    deadline_at_ms = world.clock.now_ms() + 1000
    await add(world.storage, *[f"a{number:02d}" for number in range(40)], deadline_at_ms=deadline_at_ms)
    await add(world.storage, "b")
    world.clock.advance(1000)

    job = await claim_one(world.storage)

    assert job.id == "b", job


@case("R8")
async def a_deadline_is_over_in_every_state(world: World) -> None:
    storage, deadline = world.storage, {"deadline_at_ms": world.clock.now_ms() + 1000}
    running = await added_and_claimed(storage, "running", **deadline)
    asleep = await added_and_claimed(storage, "suspended", **deadline)
    await settle(storage, asleep, "suspend", wake=Wake(signals=("x",)))
    await add(storage, "pending", "later", **deadline)
    await add(storage, "blocked", after=(Edge("running"),), **deadline)
    await settle(storage, await added_and_claimed(storage, "done", **deadline), "complete")
    world.clock.advance(1000)
    fences = {"running": running.fence, "suspended": asleep.fence}

    lapsed = await query_ids(storage, lapsed=True, oldest_first=True)
    verdicts = [
        await settle(storage, Lease(name, fences.get(name, 0)), "fail", if_lapsed=True) for name in lapsed
    ]

    assert lapsed == ["blocked", "later", "pending", "running", "suspended"], lapsed
    assert verdicts == ["ok"] * 5, verdicts
    counts = await storage.count(Filter(), by=("state",))
    assert counts == {("failed",): 5, ("completed",): 1}, counts


@case("R8", "Q2")
async def a_claim_takes_nothing_that_its_own_call_ends(world: World) -> None:
    await add(world.storage, "a", "b", deadline_at_ms=world.clock.now_ms() + 1000)
    await add(world.storage, "c")
    world.clock.advance(1000)
    ended = settlement(Lease("a", 0), "fail", if_lapsed=True)

    exchanged = await world.storage.exchange([ended], asking(limit=9))

    assert list(exchanged.verdicts) == ["ok"], exchanged
    assert [job.id for job in exchanged.jobs] == ["c"], exchanged
    found = await row(world.storage, "a")
    assert (found.state, found.attempt) == ("failed", 0), found


@case("R8", "R3")
async def a_deadline_counts_before_a_lease(world: World) -> None:
    job = await added_and_claimed(world.storage, "a", deadline_at_ms=world.clock.now_ms() + 2 * LEASE_MS)
    world.clock.advance(LEASE_MS)
    first = (await row(world.storage, "a")).lapse

    world.clock.advance(LEASE_MS)

    found = await row(world.storage, "a")
    assert (first, found.lapse, found.fence) == ("lease", "deadline", job.fence), (first, found)


@case("R8", "C8")
async def a_deadline_counts_again_for_a_job_that_was_put_back(world: World) -> None:
    storage = world.storage
    job = await added_and_claimed(storage, "a", deadline_at_ms=world.clock.now_ms() + 1000)
    await settle(storage, job, "fail")
    final = await query_ids(storage, lapsed=True)
    await storage.alter(Filter(ids=("a",)), "requeue", limit=1)
    world.clock.advance(1000)

    lapsed = await query_ids(storage, lapsed=True)

    assert (final, lapsed) == ([], ["a"]), (final, lapsed)
