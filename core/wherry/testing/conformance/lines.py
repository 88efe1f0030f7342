"""Lines of one ordering key when jobs are put back, and when several write at once."""

from __future__ import annotations

import random
from asyncio import gather
from typing import Any

from wherry.messages import Alteration, Edge, Filter, SettleKind, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim,
    claim_ids,
    claim_one,
    head,
    row,
    settle,
    states,
)
from wherry.testing.conformance.world import World, case

KEY: dict[str, Any] = {"ordering_key": "n/k"}


async def put_back(storage: Storage, *ids: str) -> list[str]:
    return list(await storage.alter(Filter(ids=ids), "requeue", limit=99))


@case("Q7", "C8")
async def a_job_put_back_goes_to_the_end_of_its_line(world: World) -> None:
    storage = world.storage
    failed = await added_and_claimed(storage, "a", **KEY)
    await add(storage, "b", "c", **KEY)
    await settle(storage, failed, "fail")

    changed = await put_back(storage, "a")

    found = await row(storage, "a")
    assert (changed, found.state, found.behind, found.waiting_for) == (["a"], "blocked", "c", 1), found
    for id in ("b", "c", "a"):
        assert await claim_ids(storage) == [id], await states(storage, "a", "b", "c")
        await settle(storage, await row(storage, id), "complete")


@case("Q7", "C8", "R6")
async def jobs_put_back_together_line_up_oldest_first(world: World) -> None:
    storage = world.storage
    await add(storage, "c", "a", "b", **KEY)
    await storage.alter(Filter(), "cancel", limit=9)

    changed = await put_back(storage, "a", "b", "c")

    assert changed == ["a", "b", "c"], changed
    behind = [(await row(storage, id)).behind for id in "abc"]
    assert behind == [None, "a", "b"], behind
    assert await claim_ids(storage) == ["a"], await states(storage, "a", "b", "c")


@case("Q7", "C8", "V1")
async def parents_from_before_do_not_free_a_job_put_back(world: World) -> None:
    storage = world.storage
    parent = await added_and_claimed(storage, "p")
    await add(storage, "a", after=(Edge("p"), Edge("p", "run")), **KEY)
    await storage.alter(Filter(ids=("a",)), "cancel", limit=1)
    front = await added_and_claimed(storage, "b", **KEY)
    await put_back(storage, "a")

    await settle(storage, parent, "fail")

    found = await row(storage, "a")
    assert (found.state, found.waiting_for, found.doomed) == ("blocked", 1, None), found
    await settle(storage, front, "complete")
    assert await claim_ids(storage) == ["a"], await row(storage, "a")


@case("Q7", "C8")
async def a_job_put_back_behind_the_one_it_stood_behind_is_freed_once(world: World) -> None:
    storage = world.storage
    front = await added_and_claimed(storage, "a", **KEY)
    await add(storage, "b", **KEY)
    await storage.alter(Filter(ids=("b",)), "cancel", limit=1)
    await put_back(storage, "b")
    await add(storage, "c", **KEY)
    cursor = await head(storage)

    await settle(storage, front, "complete")

    told = [(one.job_id, one.kind) for one in await changes_since(storage, cursor)]
    assert told == [("a", "completed"), ("b", "released")], told
    assert await claim_ids(storage) == ["b"], await states(storage, "b", "c")


@case("Q7", "C8")
async def a_job_put_back_behind_its_own_parent_is_freed_by_it(world: World) -> None:
    storage = world.storage
    parent = await added_and_claimed(storage, "parent", **KEY)
    await add(storage, "child", after=(Edge("parent"),), **KEY)
    await storage.alter(Filter(ids=("child",)), "disable", limit=1)
    await put_back(storage, "child")

    await settle(storage, parent, "complete")

    found = await claim_ids(storage)
    assert found == ["child"], await row(storage, "child")


@case("Q7")
async def a_job_added_beside_the_end_of_the_last_one_is_not_forgotten(world: World) -> None:
    for number in range(5):
        key = {"ordering_key": f"n/{number}"}
        job = await added_and_claimed(world.storage, f"a{number}", **key)
        async with world.second() as second:
            verdict, added = await gather(
                settle(world.storage, job, "complete"), add(second, f"b{number}", **key)
            )
        assert (verdict, added) == ("ok", ["ok"]), (verdict, added)

    found = await claim_ids(world.storage)
    assert found == [f"b{number}" for number in range(5)], found


@case("Q7")
async def jobs_added_by_two_openings_stand_in_one_line(world: World) -> None:
    cursor = await head(world.storage)
    async with world.second() as second:
        openings = (world.storage, second)
        await gather(*[add(openings[n % 2], f"{n % 3}{n:02d}", **KEY) for n in range(12)])
        order = [change.job_id for change in await changes_since(world.storage, cursor)]
        ran: list[str] = []
        while found := [id for ids in await gather(*map(claim_ids, openings)) for id in ids]:
            assert len(found) == 1, f"{found} at the same time"
            ran += found
            await settle(second, await row(second, found[0]), "complete")

    assert ran == order, f"ran {ran}, added {order}"


@case("Q7")
async def through_all_that_happens_one_of_a_line_runs_and_none_is_stuck(world: World) -> None:
    storage, chance = world.storage, random.Random(7)
    for step in range(120):
        await something(storage, chance)
        world.clock.advance(3)
        await claim(storage, limit=9)
        rows, _ = await storage.query(Filter(states=("running",)), limit=99)
        running = [one.ordering_key for one in rows]
        assert len(set(running)) == len(running), f"step {step}: {running} at the same time"

    world.clock.advance(9)
    rows, _ = await storage.query(Filter(states=("running",)), limit=99)
    for job in rows:
        await settle(storage, job, "complete")
    while jobs := await claim(storage, limit=9):
        for job in jobs:
            await settle(storage, job, "complete")
    assert not await storage.count(Filter(states=("blocked",))), await storage.count(Filter(), by=("state",))


async def something(storage: Storage, chance: random.Random) -> None:
    """One call that may change the lines of two keys."""
    names = [f"{chance.randrange(30):02d}" for _ in range(3)]
    what = chance.choice(("add", "add", "alter", "settle", "settle", "settle"))
    if what == "add":
        key = f"n/{chance.randrange(2)}"
        await add(storage, names[0], ordering_key=key, delay_ms=chance.choice((None, 5)))
    elif what == "alter":
        change: Alteration = chance.choice(("cancel", "disable", "requeue", "remove"))
        await storage.alter(Filter(ids=names), change, limit=2)
    else:
        kind: SettleKind = chance.choice(("complete", "fail", "retry", "suspend", "release"))
        for job in (await storage.query(Filter(states=("running",)), limit=1))[0]:
            await settle(storage, job, kind, wake=Wake(after_ms=9))


@case("Q7", "R3")
async def a_stale_worker_of_the_front_frees_nobody(world: World) -> None:
    storage = world.storage
    stale = await added_and_claimed(storage, "a", **KEY)
    await add(storage, "b", **KEY)
    await settle(storage, stale, "retry")
    again = await claim_one(storage)

    verdict = await settle(storage, stale, "complete")

    assert verdict == "lost", verdict
    assert (again.id, await states(storage, "a", "b")) == ("a", ["running", "blocked"]), again
