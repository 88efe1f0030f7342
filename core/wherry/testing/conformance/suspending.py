"""Suspended jobs, and what wakes them."""

from __future__ import annotations

from wherry.messages import Filter, Report, SettleKind, Signal, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim_ids,
    claim_one,
    head,
    read,
    row,
    settle,
    states,
)
from wherry.testing.conformance.world import World, case


async def suspended(storage: Storage, id: str, wake: Wake) -> None:
    verdict = await settle(storage, await added_and_claimed(storage, id), "suspend", wake=wake)
    assert verdict == "ok", verdict


async def send(storage: Storage, id: str, name: str, dedup: str = "1", payload: str = "null") -> str:
    (verdict,) = await storage.signal([Signal(id, name, payload, dedup)])
    return verdict


@case("V2")
async def a_suspended_job_waits_and_charges_nothing(world: World) -> None:
    await suspended(world.storage, "a", Wake(signals=("go",)))
    world.clock.advance(10**10)

    assert await claim_ids(world.storage) == [], "claimed while suspended"
    found = await row(world.storage, "a")
    assert (found.state, found.attempt, found.fence, found.lease_until_ms) == ("suspended", 0, 1, None), found
    assert (found.wake, found.lapse, found.interruptions) == (Wake(signals=("go",)), None, 0), found


@case("V2")
async def a_signal_wakes_the_job_that_waits_for_it(world: World) -> None:
    await suspended(world.storage, "a", Wake(signals=("no", "go")))
    await suspended(world.storage, "b", Wake(signals=("go",)))

    other, wanted = await send(world.storage, "a", "else"), await send(world.storage, "a", "go")

    assert (other, wanted) == ("ok", "ok"), (other, wanted)
    assert await states(world.storage, "a", "b") == ["pending", "suspended"], "woken"
    job = await claim_one(world.storage)
    assert (job.id, job.attempt, job.fence) == ("a", 1, 2), job


@case("V2")
async def a_signal_for_another_name_wakes_nobody(world: World) -> None:
    await suspended(world.storage, "a", Wake(signals=("go",)))

    for name in ("Go", "g", "go!", "gone"):
        await send(world.storage, "a", name)

    assert await states(world.storage, "a") == ["suspended"], await row(world.storage, "a")


@case("V2")
async def a_signal_that_came_before_counts(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await send(world.storage, "a", "go")
    cursor = await head(world.storage)

    verdict = await settle(world.storage, job, "suspend", wake=Wake(signals=("go",)))

    found, told = await row(world.storage, "a"), await changes_since(world.storage, cursor)
    assert (verdict, found.state, found.attempt) == ("ok", "pending", 0), (verdict, found)
    assert (told[-1].kind, told[-1].revision) == ("released", found.revision), told
    assert await claim_ids(world.storage) == ["a"], "not due at once"


@case("V2")
async def neither_a_signal_of_another_job_nor_a_step_counts(world: World) -> None:
    await add(world.storage, "aa")
    await send(world.storage, "aa", "go")
    job = await added_and_claimed(world.storage, "a")
    await world.storage.report([Report("a", job.fence, step=("go/1", "1"))])

    await settle(world.storage, job, "suspend", wake=Wake(signals=("go",)))

    assert await states(world.storage, "a") == ["suspended"], await row(world.storage, "a")


@case("V2")
async def a_signal_is_kept_as_a_record(world: World) -> None:
    await add(world.storage, "a")

    await send(world.storage, "a", "approved", dedup="7", payload='{"by":"ü"}')

    kept = await read(world.storage, "signal")
    assert kept == [("a/approved/7", 1, '{"by":"ü"}')], kept


@case("V2")
async def a_signal_sent_twice_is_taken_once(world: World) -> None:
    await suspended(world.storage, "a", Wake(signals=("go",)))
    first, second = (
        await send(world.storage, "a", "go", payload="1"),
        await send(world.storage, "a", "go", payload="2"),
    )
    third = await send(world.storage, "a", "go", dedup="2", payload="3")

    assert (first, second, third) == ("ok", "duplicate", "ok"), (first, second, third)
    assert [value for _, _, value in await read(world.storage, "signal")] == ["1", "3"], await read(
        world.storage, "signal"
    )


@case("V2")
async def verdicts_of_signal_come_in_order(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "done"), "complete")
    await add(world.storage, "a")
    signals = [Signal("nobody", "x", "1", "1"), Signal("a", "x", "1", "1"), Signal("done", "x", "1", "1")]

    verdicts = await world.storage.signal([*signals, signals[1]])

    assert list(verdicts) == ["unknown", "ok", "refused", "duplicate"], verdicts
    assert [key for key, _, _ in await read(world.storage, "signal")] == ["a/x/1"], (
        "a refused signal was kept"
    )


@case("V2")
async def a_sleep_ends_when_its_time_is_over(world: World) -> None:
    await suspended(world.storage, "a", Wake(after_ms=3 * 86_400_000))
    world.clock.advance(3 * 86_400_000 - 1)
    early = await claim_ids(world.storage)

    world.clock.advance(1)

    assert early == [], early
    job = await claim_one(world.storage)
    assert (job.id, job.attempt) == ("a", 1), job
    assert (await row(world.storage, "a")).wake is None, await row(world.storage, "a")


@case("V2")
async def whichever_condition_is_met_first_wakes(world: World) -> None:
    either = Wake(after_ms=1000, signals=("go",))
    await suspended(world.storage, "a", either)
    await suspended(world.storage, "b", either)

    await send(world.storage, "b", "go")
    first = await claim_ids(world.storage)
    world.clock.advance(1000)
    second = await claim_ids(world.storage)

    assert (first, second) == (["b"], ["a"]), (first, second)


@case("V2", "V1")
async def a_job_wakes_when_all_its_children_are_final(world: World) -> None:
    await add(world.storage, "c1", "c2", "c3")
    await suspended(world.storage, "a", Wake(jobs=("c1", "c2", "c3")))
    ends: tuple[tuple[str, SettleKind], ...] = (("c2", "complete"), ("c1", "fail"), ("c3", "cancel"))
    seen: list[str] = []
    for name, kind in ends:
        seen += await states(world.storage, "a")
        await settle(world.storage, await claim_one(world.storage, ids=(name,)), kind)

    assert seen == ["suspended"] * 3, seen
    assert await claim_ids(world.storage) == ["a"], await row(world.storage, "a")


@case("V2", "R7")
async def a_child_that_is_cancelled_is_final_too(world: World) -> None:
    await add(world.storage, "c")
    await suspended(world.storage, "a", Wake(jobs=("c",)))

    await world.storage.alter(Filter(ids=("c",)), "cancel", limit=1)

    assert await states(world.storage, "a") == ["pending"], await row(world.storage, "a")


@case("V2")
async def children_that_are_final_already_wake_at_once(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "c"), "complete", retain_ms=0)

    await suspended(world.storage, "a", Wake(jobs=("c",)))

    assert await states(world.storage, "a") == ["pending"], await row(world.storage, "a")
    assert await claim_ids(world.storage) == ["a"], "not due at once"


@case("V2", "R11")
async def a_child_that_was_removed_was_final(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "c"), "complete")
    await world.storage.alter(Filter(ids=("c",)), "remove", limit=1)

    await suspended(world.storage, "a", Wake(jobs=("c",)))

    assert await claim_ids(world.storage) == ["a"], await row(world.storage, "a")


@case("V2")
async def a_sleeper_is_not_woken_by_what_it_waited_for_before(world: World) -> None:
    await add(world.storage, "c")
    await suspended(world.storage, "a", Wake(after_ms=1000, jobs=("c",)))
    world.clock.advance(1000)
    again = await claim_one(world.storage, ids=("a",))
    await settle(world.storage, again, "suspend", wake=Wake(signals=("go",)))

    await settle(world.storage, await claim_one(world.storage, ids=("c",)), "complete")

    assert await states(world.storage, "a") == ["suspended"], await row(world.storage, "a")


@case("V2", "C1")
async def suspending_and_waking_are_told(world: World) -> None:
    cursor = await head(world.storage)
    await suspended(world.storage, "a", Wake(signals=("go",)))
    await send(world.storage, "a", "go")

    told = [(change.kind, change.revision) for change in await changes_since(world.storage, cursor)]

    assert [kind for kind, _ in told[:3]] == ["added", "started", "suspended"], told
    assert [revision for _, revision in told] == [1, 2, 3, 4], told


@case("V2", "C1")
async def the_end_of_a_sleep_is_told(world: World) -> None:
    await suspended(world.storage, "a", Wake(after_ms=1000))
    before, cursor = await row(world.storage, "a"), await head(world.storage)
    world.clock.advance(1000)

    await claim_one(world.storage)

    told = [(change.kind, change.revision) for change in await changes_since(world.storage, cursor)]
    assert told == [("released", before.revision + 1), ("started", before.revision + 2)], told


@case("V2")
async def a_woken_job_waits_for_what_it_asks_next(world: World) -> None:
    await suspended(world.storage, "a", Wake(after_ms=5000, signals=("go",)))
    await send(world.storage, "a", "go")
    job = await claim_one(world.storage)
    await settle(world.storage, job, "suspend", wake=Wake(signals=("next",)))

    world.clock.advance(10_000)

    assert await claim_ids(world.storage) == [], "woken by the time of an earlier suspension"
    assert await send(world.storage, "a", "next") == "ok", "not taken"
    assert await claim_ids(world.storage) == ["a"], await row(world.storage, "a")
