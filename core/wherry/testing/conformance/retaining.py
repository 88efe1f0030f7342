"""How long a finished job stays."""

from __future__ import annotations

from wherry.messages import Edge, Filter, Unique, Wake
from wherry.storage.protocol import HIDDEN_FOR_MS
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim_ids,
    head,
    in_time,
    listening,
    new_job,
    query_ids,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case


@case("R11")
async def a_job_is_kept_unless_it_says_otherwise(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "complete")
    world.clock.advance(10**12)

    assert await query_ids(world.storage, expired=True) == [], "expired without being asked to"
    assert await query_ids(world.storage) == ["a"], "gone without being asked to"


@case("R11")
async def a_retained_job_expires_when_its_time_is_over(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await settle(world.storage, job, "fail", retain_ms=5000)

    found = await row(world.storage, "a")
    assert (found.purge_at_ms, found.hidden) == (world.clock.now_ms() + 5000, False), found
    world.clock.advance(4999)
    assert await query_ids(world.storage, expired=True) == [], "expired too early"
    world.clock.advance(1)
    assert await query_ids(world.storage, expired=True) == ["a"], "not expired in time"
    assert await query_ids(world.storage) == ["a"], "an expired job is there until it is removed"


@case("R11")
async def an_expired_job_is_removed_once(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "complete", retain_ms=1000)
    world.clock.advance(1000)

    removed = [await world.storage.alter(Filter(expired=True), "remove", limit=9) for _ in range(2)]

    assert [list(ids) for ids in removed] == [["a"], []], removed


@case("R11", "C4")
async def a_hidden_job_is_found_by_its_id_only(world: World) -> None:
    await add(world.storage, "b")
    await settle(
        world.storage, await added_and_claimed(world.storage, "a"), "complete", output="7", retain_ms=0
    )

    found = await row(world.storage, "a")

    assert (found.state, found.output, found.hidden) == ("completed", "7", True), found
    assert await query_ids(world.storage) == ["b"], await query_ids(world.storage)
    assert await query_ids(world.storage, ids=("a",)) == [], "a hidden job matched a filter"
    counts = await world.storage.count(Filter(), by=("state",))
    assert counts == {("pending",): 1}, counts


@case("R11", "C4")
async def a_hidden_outcome_stays_for_a_minute(world: World) -> None:
    await settle(
        world.storage, await added_and_claimed(world.storage, "a"), "complete", output="7", retain_ms=0
    )

    world.clock.advance(HIDDEN_FOR_MS - 1)
    early = await world.storage.alter(Filter(expired=True), "remove", limit=9)
    kept = await world.storage.get(["a"])
    world.clock.advance(1)
    late = await world.storage.alter(Filter(expired=True), "remove", limit=9)

    assert (list(early), "a" in kept) == ([], True), (early, kept)
    assert list(late) == ["a"], late
    assert await world.storage.get(["a"]) == {}, "still there after it was removed"


@case("R11", "C4")
async def a_hidden_job_is_told_like_any_other(world: World) -> None:
    job, cursor = await added_and_claimed(world.storage, "a"), await head(world.storage)

    await settle(world.storage, job, "complete", retain_ms=0)

    kinds = [change.kind for change in await changes_since(world.storage, cursor)]
    assert kinds == ["completed"], kinds


@case("R11", "U1")
async def a_hidden_job_gives_its_key_back(world: World) -> None:
    unique = Unique("k", "done")
    await settle(
        world.storage, await added_and_claimed(world.storage, "a", unique=unique), "complete", retain_ms=0
    )

    (added,) = await world.storage.add([new_job("b", unique=unique)])

    assert added.verdict == "ok", added


@case("R11")
async def a_hidden_job_is_altered_by_nothing_but_its_removal(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "fail", retain_ms=0)
    before = await row(world.storage, "a")

    changed = [
        *await world.storage.alter(Filter(ids=("a",)), "requeue", limit=9),
        *await world.storage.alter(Filter(ids=("a",)), "remove", limit=9),
    ]

    assert changed == [], changed
    assert await row(world.storage, "a") == before, await row(world.storage, "a")


@case("C4", "R11")
async def a_hidden_outcome_is_read_by_those_who_wait_elsewhere(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    async with world.second() as second, listening(second) as hints:
        await in_time(anext(hints))
        cursor = await head(second)

        await settle(world.storage, job, "complete", output='"seen"', retain_ms=0)

        while not (told := await changes_since(second, cursor)):
            await in_time(anext(hints))
        found = await row(second, "a")

    assert [(change.job_id, change.kind) for change in told] == [("a", "completed")], told
    assert (found.state, found.output, found.hidden) == ("completed", '"seen"', True), found


@case("R11", "V1", "V2")
async def a_hidden_end_frees_those_who_wait(world: World) -> None:
    storage = world.storage
    job = await added_and_claimed(storage, "p")
    await add(storage, "child", after=(Edge("p"),))
    asleep = await added_and_claimed(storage, "sleeper")
    await settle(storage, asleep, "suspend", wake=Wake(jobs=("p",)))

    await settle(storage, job, "complete", retain_ms=0)
    (late,) = await storage.add([new_job("late", after=(Edge("p"),))])

    assert late.verdict == "ok", "its parent is stored, though hidden"
    assert sorted(await claim_ids(storage)) == ["child", "late", "sleeper"], await query_ids(storage)


@case("R11", "C8")
async def a_hidden_job_put_back_is_seen_again(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await settle(world.storage, job, "fail", retain_ms=0)
    world.clock.advance(HIDDEN_FOR_MS)

    changed = await world.storage.alter(Filter(expired=True), "requeue", limit=9)

    found = await row(world.storage, "a")
    assert (list(changed), found.hidden, found.purge_at_ms) == (["a"], False, None), (changed, found)
    assert await query_ids(world.storage) == ["a"], "hidden still"
