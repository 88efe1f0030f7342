"""Leases: held by renewal, over by the store's clock, settled for those who are gone."""

from __future__ import annotations

from wherry.job import JobRow
from wherry.messages import Claimed, Filter, Lease, SettleKind
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    changes_since,
    claim_ids,
    claim_one,
    head,
    query_ids,
    renew,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case


async def settle_lapsed(
    storage: Storage, job: Claimed | Lease | JobRow, kind: SettleKind, **fields: object
) -> str:
    """What a sweeper does."""
    return await settle(storage, job, kind, if_lapsed=True, **fields)


@case("R3")
async def a_renewed_lease_holds_from_now_on(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    for _ in range(5):
        world.clock.advance(LEASE_MS - 1)
        verdict = await renew(world.storage, job)
        assert verdict == "ok", verdict

    found = await row(world.storage, "a")
    assert (found.state, found.fence, found.lapse) == ("running", 1, None), found
    assert found.lease_until_ms == world.clock.now_ms() + LEASE_MS, found


@case("R3")
async def a_renewal_says_how_long(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    await renew(world.storage, job, lease_ms=1000)

    assert (await row(world.storage, "a")).lease_until_ms == world.clock.now_ms() + 1000, await row(
        world.storage, "a"
    )


@case("R3")
async def renewing_tells_no_change(world: World) -> None:
    job, cursor = await added_and_claimed(world.storage, "a"), await head(world.storage)
    before = await row(world.storage, "a")

    await renew(world.storage, job)

    assert await changes_since(world.storage, cursor) == [], "a renewal told a change"
    assert (await row(world.storage, "a")).revision == before.revision, await row(world.storage, "a")


@case("R4", "R7")
async def verdicts_of_renew_come_in_order(world: World) -> None:
    storage = world.storage
    await add(storage, "pending")
    held, asked = await added_and_claimed(storage, "held"), await added_and_claimed(storage, "asked")
    done = await added_and_claimed(storage, "done")
    await settle(storage, done, "complete")
    await storage.alter(Filter(ids=("asked",)), "cancel", limit=1)

    verdicts = await storage.renew(
        [
            Lease("nobody", 1),
            Lease("asked", asked.fence),
            Lease("held", held.fence),
            Lease("held", held.fence + 1),
            Lease("done", done.fence),
            Lease("pending", 0),
        ],
        lease_ms=LEASE_MS,
    )

    assert list(verdicts) == ["unknown", "cancel", "ok", "lost", "lost", "lost"], verdicts


@case("R7", "R3")
async def a_job_asked_to_stop_keeps_its_lease_while_it_is_renewed(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await world.storage.alter(Filter(), "cancel", limit=1)
    world.clock.advance(LEASE_MS - 1)

    verdict = await renew(world.storage, job)

    world.clock.advance(LEASE_MS - 1)
    found = await row(world.storage, "a")
    assert (verdict, found.state, found.lapse) == ("cancel", "running", None), (verdict, found)


@case("R3", "Q4")
async def a_lapsed_lease_that_nobody_settled_is_held_again(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(3_600_000)

    verdict = await renew(world.storage, job)

    found = await row(world.storage, "a")
    assert (verdict, found.state, found.lapse) == ("ok", "running", None), (verdict, found)
    assert found.lease_until_ms == world.clock.now_ms() + LEASE_MS, found


@case("R4", "R3")
async def a_lease_cannot_be_renewed_once_it_was_settled_as_lapsed(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS)
    await settle_lapsed(world.storage, job, "retry")
    before = await row(world.storage, "a")

    verdict = await renew(world.storage, job)

    assert verdict == "lost", verdict
    assert await row(world.storage, "a") == before, await row(world.storage, "a")


@case("R3", "Q4")
async def a_lease_is_over_at_its_instant(world: World) -> None:
    await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS - 1)
    before = (await row(world.storage, "a")).lapse
    world.clock.advance(1)

    found = await row(world.storage, "a")

    assert (before, found.lapse) == (None, "lease"), (before, found)
    assert found.lease_until_ms == world.clock.now_ms(), found


@case("R3", "Q5")
async def a_lapsed_job_is_found(world: World) -> None:
    await add(world.storage, "pending")
    gone = await added_and_claimed(world.storage, "gone")
    kept = await added_and_claimed(world.storage, "kept")
    world.clock.advance(LEASE_MS - 1)
    early = await query_ids(world.storage, lapsed=True)
    await renew(world.storage, kept)
    world.clock.advance(2)

    rows, _ = await world.storage.query(Filter(lapsed=True), limit=9)

    assert early == [], early
    assert [(found.id, found.lapse, found.fence) for found in rows] == [("gone", "lease", gone.fence)], rows


@case("R3")
async def a_lapsed_job_is_not_claimed_before_somebody_settles_it(world: World) -> None:
    await added_and_claimed(world.storage, "a")
    world.clock.advance(10 * LEASE_MS)

    assert await claim_ids(world.storage) == [], "claimed while another's attempt stands"


@case("R3", "R5", "Q5")
async def a_lapsed_job_runs_again_once_it_is_settled(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)

    verdict = await settle_lapsed(world.storage, job, "retry", error='{"type":"lost"}')

    again = await claim_one(world.storage)
    assert (verdict, again.attempt, again.fence) == ("ok", 2, 2), (verdict, again)


@case("R3", "Q4")
async def a_live_lease_is_not_settled_as_lapsed(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS - 1)
    before = await row(world.storage, "a")

    verdicts = [
        await settle_lapsed(world.storage, job, kind) for kind in ("retry", "fail", "release", "cancel")
    ]

    assert verdicts == ["lost"] * 4, verdicts
    assert await row(world.storage, "a") == before, await row(world.storage, "a")


@case("R3", "R4")
async def settling_as_lapsed_checks_the_fence(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "release")
    await claim_one(world.storage)
    world.clock.advance(LEASE_MS + 1)

    verdicts = [await settle_lapsed(world.storage, Lease("a", fence), "fail") for fence in (0, 3)]
    unknown = await settle_lapsed(world.storage, Lease("nobody", 0), "fail")

    assert (verdicts, unknown) == (["lost", "lost"], "unknown"), (verdicts, unknown)
    assert (await row(world.storage, "a")).state == "running", await row(world.storage, "a")


@case("R4", "Q3")
async def a_late_settlement_is_taken_while_nobody_else_has_the_job(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)

    verdict = await settle(world.storage, job, "complete", output="1")

    found = await row(world.storage, "a")
    assert (verdict, found.state, found.output) == ("ok", "completed", "1"), (verdict, found)


@case("R4", "Q3")
async def a_late_settlement_is_lost_once_the_job_has_been_reclaimed(world: World) -> None:
    late = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)
    await settle_lapsed(world.storage, late, "retry")
    between = await settle(world.storage, late, "complete", output='"late"')
    winner = await claim_one(world.storage)

    verdicts = [
        await settle(world.storage, late, kind, output='"late"') for kind in ("complete", "fail", "release")
    ]

    assert (between, verdicts) == ("lost", ["lost"] * 3), (between, verdicts)
    assert await settle(world.storage, winner, "complete", output='"won"') == "ok", "the holder was refused"
    assert (await row(world.storage, "a")).output == '"won"', await row(world.storage, "a")


@case("R3", "R5", "Q3")
async def two_sweepers_and_a_late_renewal_do_no_harm(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)
    async with world.second() as second:
        seen = [
            (await storage.query(Filter(lapsed=True), limit=9))[0][0] for storage in (world.storage, second)
        ]
        first = await settle_lapsed(world.storage, seen[0], "retry", error="{}")
        await settle_lapsed(second, seen[1], "retry", error="{}")
        late = await renew(second, job)

    found = await row(world.storage, "a")
    assert (first, late) == ("ok", "lost"), (first, late)
    assert (found.state, found.attempt, found.errors.strip()) == ("pending", 1, "{}"), found


@case("Q4", "R3")
async def a_lease_is_not_over_while_the_clock_goes_back(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(-3_600_000)

    renewed, found = await renew(world.storage, job), await row(world.storage, "a")
    lapsed = await settle_lapsed(world.storage, job, "retry")

    assert (renewed, found.lapse, lapsed) == ("ok", None, "lost"), (renewed, found, lapsed)
    assert found.lease_until_ms == world.clock.now_ms() + LEASE_MS, found


@case("Q4", "R3")
async def what_lapsed_is_judged_again_in_the_settling_write(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)
    seen = await query_ids(world.storage, lapsed=True)
    world.clock.advance(-LEASE_MS)

    verdict = await settle_lapsed(world.storage, job, "retry")

    assert (seen, verdict) == (["a"], "lost"), (seen, verdict)
    assert await settle(world.storage, job, "complete") == "ok", "the holder was refused"


@case("R3", "R13")
async def a_fork_renews_for_its_store(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS - 1)
    async with world.storage.fork() as fork:
        verdict = await renew(fork, job)
        stale = await renew(fork, Lease("a", job.fence + 1))
    world.clock.advance(LEASE_MS - 1)

    found = await row(world.storage, "a")
    assert (verdict, stale, found.lapse) == ("ok", "lost", None), (verdict, stale, found)
    assert await settle(world.storage, job, "complete") == "ok", "leaving the fork closed its store"
