"""At most one job holds a unique key."""

from __future__ import annotations

from wherry.messages import Added, Filter, Unique
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    added_and_claimed,
    changes_since,
    claim_ids,
    claim_one,
    head,
    new_job,
    query_ids,
    settle,
)
from wherry.testing.conformance.world import World, case

QUEUED = Unique("key", "queued")
DONE = Unique("key", "done")
PERIOD = Unique("key", "period", period_ms=1000)


async def offer(storage: Storage, id: str, unique: Unique) -> Added:
    (added,) = await storage.add([new_job(id, unique=unique)])
    return added


@case("U1", "Q9")
async def the_loser_of_a_key_gets_the_id_of_the_job_that_stands(world: World) -> None:
    cursor = await head(world.storage)
    first = [
        await offer(world.storage, f"a-{unique.hold}", unique._replace(key=unique.hold))
        for unique in (QUEUED, DONE, PERIOD)
    ]

    second = [
        await offer(world.storage, f"b-{unique.hold}", unique._replace(key=unique.hold))
        for unique in (QUEUED, DONE, PERIOD)
    ]

    assert [added.verdict for added in first] == ["ok"] * 3, first
    assert second == [Added(f"a-{hold}", "duplicate") for hold in ("queued", "done", "period")], second
    assert len(await query_ids(world.storage)) == 3, "a loser was stored"
    assert len(await changes_since(world.storage, cursor)) == 3, "a loser was told"


@case("U1", "Q9")
async def one_key_twice_in_a_call_stores_one_job(world: World) -> None:
    added = await world.storage.add([new_job("b", unique=DONE), new_job("a", unique=DONE), new_job("c")])

    assert list(added) == [Added("b", "ok"), Added("b", "duplicate"), Added("c", "ok")], added


@case("U1", "Q1")
async def the_holder_of_a_key_may_be_added_again(world: World) -> None:
    await offer(world.storage, "a", DONE)

    again = await offer(world.storage, "a", DONE)

    assert again == Added("a", "duplicate"), again


@case("U1")
async def different_keys_do_not_meet(world: World) -> None:
    await offer(world.storage, "a", DONE)

    other = await offer(world.storage, "b", DONE._replace(key="KEY"))
    none = await world.storage.add([new_job("c"), new_job("d")])

    assert [other.verdict, *(added.verdict for added in none)] == ["ok"] * 3, (other, none)


@case("U1")
async def a_queued_key_is_free_once_its_job_is_claimed(world: World) -> None:
    await offer(world.storage, "a", QUEUED)
    await claim_one(world.storage)

    second, third = await offer(world.storage, "b", QUEUED), await offer(world.storage, "c", QUEUED)

    assert (second, third) == (Added("b", "ok"), Added("b", "duplicate")), (second, third)


@case("U1", "R5")
async def a_job_comes_back_although_its_queued_key_is_taken(world: World) -> None:
    job = await added_and_claimed(world.storage, "a", unique=QUEUED)
    await offer(world.storage, "b", QUEUED)

    verdict = await settle(world.storage, job, "retry")

    assert verdict == "ok", verdict
    assert await claim_ids(world.storage) == ["a", "b"], "both wait"


@case("U1")
async def a_done_key_is_held_through_every_attempt(world: World) -> None:
    await offer(world.storage, "a", DONE)
    verdicts: list[str] = []
    for kind in ("retry", "snooze", "release", "complete"):
        job = await claim_one(world.storage)
        verdicts.append((await offer(world.storage, f"{kind}-running", DONE)).verdict)
        await settle(world.storage, job, kind)
        verdicts.append((await offer(world.storage, f"{kind}-settled", DONE)).verdict)

    assert verdicts == [*["duplicate"] * 7, "ok"], verdicts


@case("U1", "R7", "R16")
async def every_end_frees_the_key(world: World) -> None:
    for hold in ("queued", "done"):
        for end in ("cancel", "disable"):
            name = f"{hold}-{end}"
            unique = Unique(name, hold)
            await offer(world.storage, name, unique)
            await world.storage.alter(Filter(ids=(name,)), end, limit=1)
            assert (await offer(world.storage, f"{name}-2", unique)).verdict == "ok", name

    for kind in ("fail", "cancel", "disable"):
        unique = Unique(kind, "done")
        await settle(world.storage, await added_and_claimed(world.storage, kind, unique=unique), kind)
        assert (await offer(world.storage, f"{kind}-2", unique)).verdict == "ok", kind


@case("U1")
async def a_period_counts_from_add_whatever_becomes_of_the_job(world: World) -> None:
    job = await added_and_claimed(world.storage, "a", unique=PERIOD)
    world.clock.advance(500)
    await settle(world.storage, job, "complete")
    world.clock.advance(499)

    within = await offer(world.storage, "b", PERIOD)
    world.clock.advance(1)
    after = await offer(world.storage, "c", PERIOD)

    assert within == Added("a", "duplicate"), within
    assert after == Added("c", "ok"), after


@case("U1", "R11")
async def a_removed_job_holds_no_key(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a", unique=PERIOD), "complete")
    await world.storage.alter(Filter(ids=("a",)), "remove", limit=1)

    added = await offer(world.storage, "b", PERIOD)

    assert added == Added("b", "ok"), added


@case("U1", "Q12")
async def the_key_is_free_before_the_settling_call_returns(world: World) -> None:
    job = await added_and_claimed(world.storage, "a", unique=DONE)
    async with world.second() as second:
        await settle(world.storage, job, "complete")

        added = await offer(second, "b", DONE)

    assert added == Added("b", "ok"), added


@case("U1", "Q9")
async def a_late_end_does_not_free_the_key_of_another(world: World) -> None:
    late = await added_and_claimed(world.storage, "a", unique=QUEUED)
    await offer(world.storage, "b", QUEUED)

    await settle(world.storage, late, "complete")

    third = await offer(world.storage, "c", QUEUED)
    assert third == Added("b", "duplicate"), third
