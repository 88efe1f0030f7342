"""Jobs of one ordering key run one at a time, in the order in which they were added."""

from __future__ import annotations

from itertools import product
from typing import Any

from wherry.messages import Edge, Filter, Lease, SettleKind, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    ENDS,
    LEASE_MS,
    add,
    added_and_claimed,
    asking,
    changes_since,
    claim_ids,
    claim_one,
    head,
    new_job,
    query_ids,
    row,
    settle,
    settlement,
    states,
)
from wherry.testing.conformance.world import World, case

KEY: dict[str, Any] = {"ordering_key": "n/k"}


async def run_dry(storage: Storage) -> list[str]:
    """Claim whatever is due, many at a time, and complete it: the order, batches in parentheses."""
    done: list[str] = []
    while found := await claim_ids(storage):
        for id in found:
            await settle(storage, await row(storage, id), "complete")
        done.append(found[0] if len(found) == 1 else f"({' '.join(found)})")
    return done


@case("Q7")
async def jobs_of_one_key_run_one_at_a_time_in_the_order_of_add(world: World) -> None:
    await world.storage.add([new_job("c", **KEY), new_job("b", **KEY)])
    await add(world.storage, "a", **KEY)

    assert await run_dry(world.storage) == ["c", "b", "a"], await states(world.storage, "a", "b", "c")


@case("Q7")
async def other_keys_and_jobs_without_one_are_not_held_up(world: World) -> None:
    await add(world.storage, "a1", "a2", **KEY)
    await add(world.storage, "b1", "b2", ordering_key="n/other")
    await add(world.storage, "c1", "c2")

    found = await claim_ids(world.storage)

    assert found == ["a1", "b1", "c1", "c2"], found


@case("Q7", "T6")
async def a_job_says_whom_it_stands_behind(world: World) -> None:
    await add(world.storage, "p")
    await add(world.storage, "a", **KEY)
    await add(world.storage, "b", after=(Edge("p"),), **KEY)

    front, behind = await row(world.storage, "a"), await row(world.storage, "b")
    assert (front.ordering_key, front.behind, front.state) == ("n/k", None, "pending"), front
    assert (behind.ordering_key, behind.behind, behind.waiting_for) == ("n/k", "a", 2), behind
    assert (behind.after, behind.state) == ((Edge("p"),), "blocked"), behind
    (same,) = (await world.storage.query(Filter(ids=("b",)), limit=9))[0]
    assert same == behind, same


@case("Q7", "R12")
async def order_counts_before_priority_and_time(world: World) -> None:
    await add(world.storage, "a", priority=9, delay_ms=1000, **KEY)
    await add(world.storage, "b", priority=-9, **KEY)
    early = await claim_ids(world.storage)
    world.clock.advance(1000)

    assert early == [], "the second of a line ran first"
    assert await run_dry(world.storage) == ["a", "b"], await states(world.storage, "a", "b")


@case("Q7", "R5", "R9", "V2")
async def the_one_in_front_keeps_its_place_until_it_is_final(world: World) -> None:
    storage = world.storage
    await add(storage, "a", "b", **KEY)
    stays: dict[SettleKind, dict[str, Any]] = {
        "retry": {"delay_ms": 1000},
        "snooze": {"delay_ms": 1000},
        "release": {"delay_ms": 1000},
        "suspend": {"wake": Wake(after_ms=1000)},
    }
    for kind, fields in stays.items():
        await settle(storage, await claim_one(storage, ids=("a",)), kind, **fields)
        assert await claim_ids(storage) == [], f"overtaken after {kind}"
        world.clock.advance(1000)
    job = await claim_one(storage)
    world.clock.advance(LEASE_MS)
    assert await claim_ids(storage) == [], "overtaken when the lease lapsed"
    await settle(storage, job, "retry", if_lapsed=True)

    assert await run_dry(storage) == ["a", "b"], await states(storage, "a", "b")


@case("Q7", "R6", "R7", "R11")
async def every_end_lets_the_next_one_run(world: World) -> None:
    for number, (kind, retain_ms) in enumerate(product(ENDS, (None, 0))):
        key = {"ordering_key": f"n/{number}"}
        job = await added_and_claimed(world.storage, f"a{number}", **key)
        await add(world.storage, f"b{number}", f"c{number}", **key)

        await settle(world.storage, job, kind, retain_ms=retain_ms)

        found = await states(world.storage, f"b{number}", f"c{number}")
        assert found == ["pending", "blocked"], (kind, retain_ms, found)


@case("Q7", "Q12", "C1")
async def the_next_in_line_is_freed_and_told_in_the_settling_call(world: World) -> None:
    job = await added_and_claimed(world.storage, "a", **KEY)
    await add(world.storage, "b", "c", **KEY)
    cursor = await head(world.storage)

    exchanged = await world.storage.exchange([settlement(job, "complete")], asking(limit=5))

    assert [one.id for one in exchanged.jobs] == ["b"], exchanged
    told = [(one.job_id, one.kind, one.revision) for one in await changes_since(world.storage, cursor)]
    assert told == [("a", "completed", 3), ("b", "released", 2), ("b", "started", 3)], told


@case("Q7", "R7")
async def a_waiting_job_that_is_cancelled_lets_nobody_overtake(world: World) -> None:
    storage = world.storage
    for number, change in enumerate(("cancel", "disable")):
        key = {"ordering_key": f"n/{number}"}
        names = [f"{name}{number}" for name in "abcd"]
        job = await added_and_claimed(storage, names[0], **key)
        await add(storage, *names[1:], **key)

        changed = await storage.alter(Filter(ids=names[1:3]), change, limit=9)

        assert list(changed) == names[1:3], (change, changed)
        last = await row(storage, names[3])
        assert (last.state, last.behind, last.waiting_for) == ("blocked", names[0], 1), (change, last)
        await settle(storage, job, "complete")
        assert await claim_ids(storage) == [names[3]], change


@case("Q7", "R8", "V1")
async def a_waiting_job_that_lapses_lets_nobody_overtake(world: World) -> None:
    storage = world.storage
    await settle(storage, await added_and_claimed(storage, "p"), "fail")
    job = await added_and_claimed(storage, "a", **KEY)
    await add(storage, "doomed", after=(Edge("p"),), **KEY)
    await add(storage, "late", deadline_at_ms=world.clock.now_ms() + 1000, **KEY)
    await add(storage, "d", **KEY)
    world.clock.advance(1000)
    lapsed = await query_ids(storage, lapsed=True, oldest_first=True)

    await storage.exchange([settlement(Lease(id, 0), "fail", if_lapsed=True) for id in lapsed], None)

    assert lapsed == ["doomed", "late"], lapsed
    assert await states(storage, "doomed", "late", "d") == ["failed", "failed", "blocked"], "overtaken"
    await settle(storage, job, "complete")
    assert await claim_ids(storage) == ["d"], await row(storage, "d")


@case("Q7", "R8")
async def several_of_a_line_may_end_in_one_call(world: World) -> None:
    for number, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2))):
        storage, key = world.storage, {"ordering_key": f"n/{number}"}
        names = [f"{name}{number}" for name in "abc"]
        await add(storage, *names, deadline_at_ms=world.clock.now_ms() + 1000, **key)
        await add(storage, f"d{number}", f"e{number}", **key)
        world.clock.advance(1000)

        ends = [settlement(Lease(names[at], 0), "fail", if_lapsed=True) for at in order]
        exchanged = await storage.exchange(ends, None)

        assert list(exchanged.verdicts) == ["ok"] * 3, exchanged
        assert await claim_ids(storage) == [f"d{number}"], (order, await row(storage, f"d{number}"))
        rest = await row(storage, f"e{number}")
        assert (rest.state, rest.behind, rest.waiting_for) == ("blocked", f"d{number}", 1), rest


@case("Q7", "R7")
async def who_comes_after_the_last_one_has_ended_early_does_not_overtake(world: World) -> None:
    storage = world.storage
    job = await added_and_claimed(storage, "a", **KEY)
    await add(storage, "b", "c", **KEY)
    await storage.alter(Filter(ids=("b", "c")), "cancel", limit=9)

    await add(storage, "d", **KEY)

    last = await row(storage, "d")
    assert (last.state, last.behind) == ("blocked", "a"), last
    await settle(storage, job, "complete")
    assert await claim_ids(storage) == ["d"], await row(storage, "d")


@case("Q7", "R11")
async def a_line_whose_jobs_are_over_holds_nobody_up(world: World) -> None:
    storage = world.storage
    await settle(storage, await added_and_claimed(storage, "a", **KEY), "complete")
    await add(storage, "b", **KEY)
    first = await states(storage, "b")
    await storage.alter(Filter(ids=("b",)), "cancel", limit=1)
    await storage.alter(Filter(ids=("a", "b")), "remove", limit=2)

    # Others may get the place, the number or the id of one that was removed.
    await add(storage, "other", "b")
    await add(storage, "c", **KEY)

    assert first == ["pending"], first
    assert await claim_ids(storage) == ["b", "c", "other"], await query_ids(storage, states=("blocked",))


@case("Q7", "V1")
async def a_job_in_line_waits_for_its_parents_too(world: World) -> None:
    storage = world.storage
    await add(storage, "p")
    await add(storage, "a", **KEY)
    await add(storage, "b", after=(Edge("p"), Edge("a")), **KEY)
    await add(storage, "c", **KEY)
    waiting = [(await row(storage, "b")).waiting_for]
    await settle(storage, await claim_one(storage, ids=("a",)), "complete")
    waiting.append((await row(storage, "b")).waiting_for)
    early = await claim_ids(storage, ids=("b", "c"))

    await settle(storage, await claim_one(storage), "complete")

    assert (waiting, early) == ([3, 1], []), (waiting, early)
    assert await run_dry(storage) == ["b", "c"], await states(storage, "b", "c")


@case("Q7", "V1")
async def a_failure_in_front_dooms_only_those_who_named_it(world: World) -> None:
    job = await added_and_claimed(world.storage, "a", **KEY)
    await add(world.storage, "b", after=(Edge("a"),), **KEY)
    await add(world.storage, "c", **KEY)

    await settle(world.storage, job, "fail")

    named, last = await row(world.storage, "b"), await row(world.storage, "c")
    assert (named.lapse, named.behind) == ("doomed", None), named
    assert (last.state, last.behind) == ("blocked", "b"), last
    await settle(world.storage, named, "fail", if_lapsed=True)
    assert await claim_ids(world.storage) == ["c"], await row(world.storage, "c")


@case("Q7")
async def a_repeated_add_does_not_line_up_twice(world: World) -> None:
    storage, jobs = world.storage, [new_job("a", **KEY), new_job("b", **KEY)]
    await storage.add(jobs)
    before = await storage.get(["a", "b"])

    again = await storage.add([*jobs, new_job("c", after=(Edge("nobody"),), **KEY)])

    assert [one.verdict for one in again] == ["duplicate", "duplicate", "refused"], again
    assert await storage.get(["a", "b"]) == before, await storage.get(["a", "b"])
    await add(storage, "d", **KEY)
    assert (await row(storage, "d")).behind == "b", await row(storage, "d")
    assert await run_dry(storage) == ["a", "b", "d"], await states(storage, "a", "b", "d")
