"""`alter` with `requeue`: jobs that ended without a result run again."""

from __future__ import annotations

from wherry.messages import Edge, Filter, Unique
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    ENDS,
    add,
    added_and_claimed,
    claim_ids,
    claim_one,
    new_job,
    query_ids,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case


async def put_back(storage: Storage, *ids: str) -> list[str]:
    return list(await storage.alter(Filter(ids=ids), "requeue", limit=99))


@case("C8", "R6")
async def a_failed_job_is_put_back_with_its_history(world: World) -> None:
    await add(world.storage, "a", max_attempts=2)
    for kind in ("retry", "fail"):
        await settle(world.storage, await claim_one(world.storage), kind, error=f'"{kind}"')
    world.clock.advance(100)

    changed = await put_back(world.storage, "a")

    found = await row(world.storage, "a")
    assert changed == ["a"], changed
    assert (found.state, found.attempt, found.max_attempts, found.base_attempts) == ("pending", 2, 4, 2), (
        found
    )
    assert found.errors.split() == ['"retry"', '"fail"'], found
    assert (found.finished_at_ms, found.run_at_ms) == (None, world.clock.now_ms()), found
    again = await claim_one(world.storage)
    assert (again.attempt, again.fence) == (3, 3), again


@case("C8")
async def a_job_put_back_early_has_its_base_attempts_to_go(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a", max_attempts=5), "fail")

    await put_back(world.storage, "a")

    found = await row(world.storage, "a")
    assert (found.attempt, found.max_attempts) == (1, 6), found


@case("C8")
async def only_final_jobs_that_did_not_complete_are_put_back(world: World) -> None:
    for kind, state in ENDS.items():
        await settle(world.storage, await added_and_claimed(world.storage, state), kind)
    await added_and_claimed(world.storage, "running")
    await add(world.storage, "later", delay_ms=1000)
    before = await world.storage.get(["completed", "running", "later"])

    changed = await world.storage.alter(Filter(), "requeue", limit=99)

    assert list(changed) == ["cancelled", "disabled", "failed"], changed
    assert await world.storage.get(["completed", "running", "later"]) == before, "changed"
    assert await claim_ids(world.storage) == ["cancelled", "disabled", "failed"], "not due at once"


@case("C8", "R8", "R7")
async def a_job_put_back_forgets_what_ended_it(world: World) -> None:
    now_ms = world.clock.now_ms()
    await add(world.storage, "over", deadline_at_ms=now_ms + 20)
    await add(world.storage, "open", deadline_at_ms=now_ms + 10**6)
    asked = await added_and_claimed(world.storage, "asked")
    await world.storage.alter(Filter(ids=("over", "open", "asked")), "cancel", limit=9)
    await settle(world.storage, asked, "retry")
    world.clock.advance(20)

    await world.storage.alter(Filter(), "requeue", limit=9)

    rows = await world.storage.get(["over", "open", "asked"])
    assert [one.cancel_requested_at_ms for one in rows.values()] == [None] * 3, rows
    assert (rows["over"].deadline_at_ms, rows["open"].deadline_at_ms) == (None, now_ms + 10**6), rows
    again = await claim_one(world.storage, ids=("asked",))
    assert await settle(world.storage, again, "retry") == "ok", "still asked to stop"


@case("C8", "R11")
async def a_job_put_back_does_not_expire(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "fail", retain_ms=1000)

    await put_back(world.storage, "a")

    world.clock.advance(5000)
    assert (await row(world.storage, "a")).purge_at_ms is None, await row(world.storage, "a")
    assert await query_ids(world.storage, expired=True) == [], "a waiting job expires"


@case("C8", "U1", "Q9")
async def a_job_is_not_put_back_while_another_holds_its_key(world: World) -> None:
    unique = Unique("k", "done")
    await settle(world.storage, await added_and_claimed(world.storage, "a", unique=unique), "fail")
    await world.storage.add([new_job("b", unique=unique)])

    refused = await put_back(world.storage, "a")
    await settle(world.storage, await claim_one(world.storage), "complete")
    taken = await put_back(world.storage, "a")
    (added,) = await world.storage.add([new_job("c", unique=unique)])

    assert (refused, taken) == ([], ["a"]), (refused, taken)
    assert (added.verdict, added.id) == ("duplicate", "a"), added


@case("R8", "C8")
async def a_job_put_back_can_lapse_once_more(world: World) -> None:
    deadline_at_ms = world.clock.now_ms() + 9000
    await settle(world.storage, await added_and_claimed(world.storage, "p"), "fail")
    await add(world.storage, "a", after=(Edge("p"),), deadline_at_ms=deadline_at_ms)
    await settle(world.storage, await row(world.storage, "a"), "fail", if_lapsed=True)
    await put_back(world.storage, "a")
    world.clock.advance(9001)

    verdict = await settle(world.storage, await row(world.storage, "a"), "fail", if_lapsed=True)

    found = await row(world.storage, "a")
    assert (verdict, found.state, found.lapse) == ("ok", "failed", None), (verdict, found)


@case("C8", "U1")
async def a_job_that_holds_its_key_still_is_put_back(world: World) -> None:
    unique = Unique("k", "period", period_ms=60_000)
    await settle(world.storage, await added_and_claimed(world.storage, "a", unique=unique), "fail")

    changed = await put_back(world.storage, "a")

    assert changed == ["a"], changed


@case("C8", "R12")
async def a_job_put_back_queues_at_its_new_time(world: World) -> None:
    await add(world.storage, "a")
    world.clock.advance(1)
    await add(world.storage, "b")
    world.clock.advance(1)
    await world.storage.alter(Filter(ids=("a",)), "cancel", limit=1)

    await put_back(world.storage, "a")

    claimed = await claim_ids(world.storage)
    assert claimed == ["b", "a"], claimed


@case("C8", "Q3")
async def a_job_put_back_at_once_is_claimed_once(world: World) -> None:
    await add(world.storage, "a")
    for _ in range(3):
        await world.storage.alter(Filter(ids=("a",)), "cancel", limit=1)
        await put_back(world.storage, "a")

    claimed = await claim_ids(world.storage)

    assert claimed == ["a"], claimed
