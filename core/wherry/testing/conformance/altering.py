"""`alter`: cancel, requeue, disable and remove, by filter and in batches."""

from __future__ import annotations

from wherry.messages import Alteration, Edge, Filter, Report, Signal, Unique, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    asking,
    changes_since,
    claim_ids,
    claim_one,
    exchange_claim,
    head,
    read,
    renew,
    row,
    settle,
    states,
    write,
)
from wherry.testing.conformance.world import World, case


async def alter(storage: Storage, change: Alteration, *ids: str) -> list[str]:
    return list(await storage.alter(Filter(ids=ids), change, limit=99))


@case("R7")
async def a_waiting_job_is_cancelled_at_once_and_free_of_charge(world: World) -> None:
    storage = world.storage
    await add(storage, "pending")
    await add(storage, "later", delay_ms=1000)
    await add(storage, "blocked", after=(Edge("later", "run"),))
    await settle(storage, await added_and_claimed(storage, "suspended"), "suspend", wake=Wake(signals=("x",)))
    ids = ("blocked", "later", "pending", "suspended")

    changed = await alter(storage, "cancel", *ids)

    assert changed == list(ids), changed
    for name, found in (await storage.get(ids)).items():
        assert (found.state, found.attempt) == ("cancelled", 0), (name, found)
        assert found.finished_at_ms == world.clock.now_ms(), (name, found)
    world.clock.advance(2000)
    assert await claim_ids(storage) == [], "a cancelled job ran"


@case("R7")
async def a_running_job_is_asked_to_stop_once(world: World) -> None:
    await added_and_claimed(world.storage, "a")
    asked_at_ms, cursor = world.clock.now_ms(), await head(world.storage)

    first = await alter(world.storage, "cancel", "a")
    world.clock.advance(5)
    second = await alter(world.storage, "cancel", "a")

    found = await row(world.storage, "a")
    assert (first, second) == (["a"], []), (first, second)
    assert (found.state, found.cancel_requested_at_ms) == ("running", asked_at_ms), found
    kinds = [change.kind for change in await changes_since(world.storage, cursor)]
    assert kinds == ["cancelling"], kinds


@case("R7")
async def a_job_asked_to_stop_does_not_come_back(world: World) -> None:
    for kind in ("retry", "snooze", "release", "suspend"):
        job = await added_and_claimed(world.storage, kind)
        await alter(world.storage, "cancel", kind)

        verdict = await settle(world.storage, job, kind, wake=Wake(after_ms=0))
        again = await settle(world.storage, job, kind, wake=Wake(after_ms=0))

        found = await row(world.storage, kind)
        assert (verdict, again, found.state) == ("cancel", "cancel", "cancelled"), (
            kind,
            verdict,
            again,
            found,
        )
        assert (found.finished_at_ms, found.lease_until_ms) == (world.clock.now_ms(), None), found
    assert await claim_ids(world.storage) == [], "a cancelled job came back"


@case("R7", "R3")
async def a_job_asked_to_stop_whose_worker_is_gone_is_cancelled(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await alter(world.storage, "cancel", "a")
    world.clock.advance(10**6)

    verdict = await settle(world.storage, job, "retry", if_lapsed=True)

    assert verdict == "cancel", verdict
    assert await states(world.storage, "a") == ["cancelled"], await row(world.storage, "a")


@case("R7", "Q3")
async def a_job_that_completes_first_stays_completed(world: World) -> None:
    asked = await added_and_claimed(world.storage, "asked")
    await alter(world.storage, "cancel", "asked")
    verdict = await settle(world.storage, asked, "complete", output="1")
    await settle(world.storage, await added_and_claimed(world.storage, "done"), "complete")

    changed = await alter(world.storage, "cancel", "asked", "done")

    assert (verdict, changed) == ("ok", []), (verdict, changed)
    assert await states(world.storage, "asked", "done") == ["completed", "completed"], "changed"


@case("R16")
async def unfinished_jobs_are_disabled(world: World) -> None:
    storage = world.storage
    await add(storage, "pending")
    await add(storage, "blocked", after=(Edge("pending", "run"),))
    await settle(storage, await added_and_claimed(storage, "suspended"), "suspend", wake=Wake(signals=("x",)))
    await settle(storage, await added_and_claimed(storage, "done"), "complete")

    changed = await storage.alter(Filter(), "disable", limit=99)

    assert list(changed) == ["blocked", "pending", "suspended"], changed
    assert await states(storage, "blocked", "pending", "suspended", "done") == [
        *["disabled"] * 3,
        "completed",
    ], "states"
    assert await claim_ids(storage) == [], "a disabled job ran"


@case("R16", "R4")
async def the_attempt_of_a_disabled_job_is_over(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    await alter(world.storage, "disable", "a")

    found = await row(world.storage, "a")
    assert (found.state, found.fence, found.lease_until_ms) == ("disabled", job.fence + 1, None), found
    (reported,) = await world.storage.report([Report("a", job.fence, 50)])
    verdicts = [await renew(world.storage, job), await settle(world.storage, job, "complete"), reported]
    assert verdicts == ["lost"] * 3, verdicts


@case("R11", "G11")
async def removing_takes_final_jobs_and_their_records(world: World) -> None:
    for name in ("a", "b"):
        job = await added_and_claimed(world.storage, name)
        await world.storage.report([Report(name, job.fence, logs=('"l"',), step=("s", "1"))])
        await world.storage.signal([Signal(name, "go", "1", "d")])
        if name == "a":
            await settle(world.storage, job, "complete")
    # This record only looks as if it belonged to the job.
    await write(world.storage, "a/s", "1", expected=0)

    changed = await world.storage.alter(Filter(), "remove", limit=99)

    assert list(changed) == ["a"], changed
    assert list(await world.storage.get(["a", "b"])) == ["b"], "removed"
    left = {
        kind: [key for key, _, _ in await read(world.storage, kind)]
        for kind in ("log", "step", "signal", "k")
    }
    assert left == {"log": ["b/0000000001"], "step": ["b/s"], "signal": ["b/go/d"], "k": ["a/s"]}, left


@case("R11")
async def a_removed_job_is_told_and_unknown_from_then_on(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await settle(world.storage, job, "complete")
    cursor = await head(world.storage)

    await alter(world.storage, "remove", "a")
    again = await alter(world.storage, "remove", "a")

    kinds = [(change.job_id, change.kind) for change in await changes_since(world.storage, cursor)]
    assert (kinds, again) == ([("a", "removed")], []), (kinds, again)
    verdicts = [await settle(world.storage, job, "complete"), await renew(world.storage, job)]
    verdicts += await world.storage.report([Report("a", job.fence, 1)])
    verdicts += await world.storage.signal([Signal("a", "x", "1", "1")])
    assert verdicts == ["unknown"] * 4, verdicts


@case("R11", "V1", "V2")
async def nothing_waits_for_a_removed_job_or_trips_over_it(world: World) -> None:
    storage, request = world.storage, asking(ids=("claimed",))
    await add(storage, "ready", "claimed", "parent")
    await add(storage, "later", delay_ms=1000)
    await add(storage, "child", after=(Edge("parent"),))
    await storage.exchange([], request)
    watcher = await added_and_claimed(storage, "watcher")
    await settle(storage, watcher, "suspend", wake=Wake(after_ms=1000, jobs=("parent",)))
    gone = ("ready", "claimed", "later", "child", "watcher")
    await alter(storage, "disable", *gone)

    removed = await alter(storage, "remove", *gone)
    early = await exchange_claim(storage, ids=("later",))

    assert (list(early.jobs), early.next_due_in_ms) == ([], None), early
    world.clock.advance(2000)
    assert removed == sorted(gone), removed
    assert list((await storage.exchange([], request)).jobs) == [], "the repeated claim"
    assert await settle(storage, await claim_one(storage), "complete") == "ok", "the parent"
    left = await exchange_claim(storage)
    assert (list(left.jobs), left.next_due_in_ms) == ([], None), left


@case("R11", "J1")
async def alter_changes_the_oldest_first_and_no_more_than_its_limit(world: World) -> None:
    await add(world.storage, "d", "a", "c", "e", "b")
    everything = Filter()

    batches = [list(await world.storage.alter(everything, "cancel", limit=2)) for _ in range(4)]

    assert batches == [["a", "b"], ["c", "d"], ["e"], []], batches


@case("C8", "R7")
async def what_is_passed_over_does_not_use_up_the_limit(world: World) -> None:
    for name in ("a", "b", "c"):
        await settle(world.storage, await added_and_claimed(world.storage, name), "complete")
    await add(world.storage, "d", "e")

    changed = await world.storage.alter(Filter(), "cancel", limit=2)

    assert list(changed) == ["d", "e"], changed


@case("C7", "C5")
async def alter_touches_nothing_outside_its_filter(world: World) -> None:
    await add(world.storage, "a", run_id="r1")
    await add(world.storage, "b", run_id="r2")
    await add(world.storage, "c", run_id="r1", namespace="other")

    changed = await world.storage.alter(Filter(namespaces=("n",), run_id="r1"), "cancel", limit=9)
    nobody = await world.storage.alter(Filter(ids=()), "cancel", limit=9)

    assert (list(changed), list(nobody)) == (["a"], []), (changed, nobody)
    assert await states(world.storage, "a", "b", "c") == ["cancelled", "pending", "pending"], "states"


@case("R16", "R7", "V2")
async def what_ends_without_an_attempt_keeps_its_fence_and_waits_for_nothing(world: World) -> None:
    storage = world.storage
    await add(storage, "pending")
    await settle(storage, await added_and_claimed(storage, "asleep"), "suspend", wake=Wake(signals=("x",)))

    await alter(storage, "disable", "pending", "asleep")

    rows = await storage.get(["pending", "asleep"])
    assert [(rows[id].fence, rows[id].wake) for id in ("pending", "asleep")] == [(0, None), (1, None)], rows


@case("R11", "Q1")
async def an_id_that_was_removed_starts_afresh(world: World) -> None:
    storage = world.storage
    job = await added_and_claimed(storage, "a", unique=Unique("k", "period", 10**6), run_id="r")
    await storage.report([Report("a", job.fence, 50, "m", "1", ('"l"', '"l"'), ("s", "1"))])
    await settle(storage, job, "retry")
    await alter(storage, "cancel", "a")
    await alter(storage, "remove", "a")

    again = await added_and_claimed(storage, "a", unique=Unique("k", "done"))
    await storage.report([Report("a", again.fence, logs=('"new"',))])

    found = await row(storage, "a")
    assert (again.fence, again.attempt, again.checkpoint) == (1, 1, None), again
    assert (found.percent, found.errors, found.run_id, found.revision) == (None, "", None, 2), found
    logs = [tuple(record) for record in await storage.read("log")]
    assert logs == [("log", "a/0000000001", 1, '"new"')], logs
