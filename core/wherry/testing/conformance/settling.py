"""What follows an attempt: the eight kinds of settlement, each under the right fence."""

from __future__ import annotations

from wherry.messages import Lease, SettleKind, Wake
from wherry.testing.conformance.builders import (
    ENDS,
    NAMESPACE,
    add,
    added_and_claimed,
    asking,
    changes_since,
    claim,
    claim_ids,
    claim_one,
    head,
    row,
    settle,
    settlement,
    states,
)
from wherry.testing.conformance.world import World, case

REVIVING: tuple[SettleKind, ...] = ("retry", "snooze", "release", "suspend")


@case("T6", "Q3")
async def a_completed_job_keeps_its_output(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(40)

    verdict = await settle(world.storage, job, "complete", output='{"n":3}')

    found = await row(world.storage, "a")
    assert verdict == "ok", verdict
    assert (found.state, found.output) == ("completed", '{"n":3}'), found
    assert (found.finished_at_ms, found.lease_until_ms) == (world.clock.now_ms(), None), found
    assert (found.purge_at_ms, found.hidden, found.attempt) == (None, False, 1), found


@case("R6")
async def a_failed_job_keeps_its_error(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    await settle(world.storage, job, "fail", error='{"type":"ValueError"}')

    found = await row(world.storage, "a")
    assert (found.state, found.output, found.finished_at_ms) == ("failed", None, world.clock.now_ms()), found
    assert found.errors.rstrip("\n") == '{"type":"ValueError"}', repr(found.errors)


@case("R6", "R16")
async def final_jobs_hold_no_lease_and_are_not_claimed(world: World) -> None:
    for kind, state in ENDS.items():
        await settle(world.storage, await added_and_claimed(world.storage, kind), kind)

        found = await row(world.storage, kind)
        assert (found.state, found.lease_until_ms, found.lapse) == (state, None, None), found

    world.clock.advance(10**9)
    assert await claim_ids(world.storage) == [], "a final job ran again"


@case("R5")
async def a_retry_comes_back_after_its_delay(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    await settle(world.storage, job, "retry", error='{"n":1}', delay_ms=500)

    found = await row(world.storage, "a")
    assert (found.state, found.attempt, found.lease_until_ms) == ("pending", 1, None), found
    world.clock.advance(499)
    assert await claim_ids(world.storage) == [], "claimed before its delay was over"
    world.clock.advance(1)
    assert (await claim_one(world.storage)).attempt == 2, await row(world.storage, "a")


@case("R5")
async def a_job_comes_back_at_the_instant_that_was_asked(world: World) -> None:
    instant_ms = world.clock.now_ms() + 7000
    job = await added_and_claimed(world.storage, "a")

    await settle(world.storage, job, "retry", run_at_ms=instant_ms, delay_ms=1)

    assert (await row(world.storage, "a")).run_at_ms == instant_ms, await row(world.storage, "a")
    world.clock.advance(6999)
    assert await claim_ids(world.storage) == [], "claimed before the instant"
    world.clock.advance(1)
    assert await claim_ids(world.storage) == ["a"], "not claimed at the instant"


@case("R6", "T6")
async def errors_of_every_attempt_are_kept_one_a_line(world: World) -> None:
    await add(world.storage, "a")
    for number in (1, 2):
        job = await claim_one(world.storage)
        await settle(world.storage, job, "retry", error=f'{{"n":{number}}}')
    await settle(world.storage, await claim_one(world.storage), "fail", error='{"n":3}')

    errors = (await row(world.storage, "a")).errors

    lines = errors.rstrip("\n").split("\n")
    assert lines == ['{"n":1}', '{"n":2}', '{"n":3}'], repr(errors)


@case("R9", "R5")
async def a_snooze_gives_the_attempt_back(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    await settle(world.storage, job, "snooze", delay_ms=100)

    found = await row(world.storage, "a")
    assert (found.state, found.attempt, found.fence, found.interruptions) == ("pending", 0, 1, 0), found
    world.clock.advance(100)
    again = await claim_one(world.storage)
    assert (again.attempt, again.fence) == (1, 2), again


@case("R10", "R5")
async def a_release_gives_the_attempt_back_and_counts_an_interruption(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    await settle(world.storage, job, "release", delay_ms=100)

    found = await row(world.storage, "a")
    assert (found.state, found.attempt, found.fence, found.interruptions) == ("pending", 0, 1, 1), found
    assert await claim_ids(world.storage) == [], "claimed before its delay was over"
    world.clock.advance(100)
    assert (await claim_one(world.storage)).interruptions == 1, await row(world.storage, "a")


@case("R4", "Q3")
async def a_settlement_under_another_fence_changes_nothing(world: World) -> None:
    await add(world.storage, "a")
    await claim_one(world.storage)
    before, cursor = await row(world.storage, "a"), await head(world.storage)

    for fence in (0, 2):
        for kind in (*ENDS, *REVIVING):
            verdict = await settle(
                world.storage, Lease("a", fence), kind, output="1", error="{}", wake=Wake(0)
            )
            assert verdict == "lost", (fence, kind, verdict)

    assert await row(world.storage, "a") == before, await row(world.storage, "a")
    assert await changes_since(world.storage, cursor) == [], "a refused settlement told a change"


@case("R4")
async def a_job_that_is_not_running_is_not_settled(world: World) -> None:
    await add(world.storage, "pending")
    await add(world.storage, "later", delay_ms=1000)
    for name in ("pending", "later"):
        verdict = await settle(world.storage, Lease(name, 0), "complete", output="1")
        assert verdict == "lost", (name, verdict)

    assert await states(world.storage, "pending", "later") == ["pending", "pending"], "changed"


@case("Q3")
async def one_attempt_has_one_outcome(world: World) -> None:
    pairs: tuple[tuple[SettleKind, SettleKind], ...] = (
        ("complete", "fail"),
        ("fail", "complete"),
        ("retry", "complete"),
        ("snooze", "retry"),
    )
    for first, second in pairs:
        job = await added_and_claimed(world.storage, f"{first}-{second}")
        await settle(world.storage, job, first)
        before = await row(world.storage, job.id)

        verdict = await settle(world.storage, job, second, output="2", error='{"n":2}')

        assert verdict == "lost", (first, second, verdict)
        assert await row(world.storage, job.id) == before, await row(world.storage, job.id)


@case("Q2", "Q3")
async def a_repeated_settlement_is_ok_and_changes_nothing(world: World) -> None:
    for kind in (*ENDS, *REVIVING):
        job = await added_and_claimed(world.storage, kind)
        wanted = {"output": "1", "error": '{"n":1}', "delay_ms": 1000, "wake": Wake(1000)}
        await settle(world.storage, job, kind, **wanted)
        before, cursor = await row(world.storage, kind), await head(world.storage)
        world.clock.advance(10)

        verdict = await settle(world.storage, job, kind, **wanted)

        assert verdict == "ok", (kind, verdict)
        assert await row(world.storage, kind) == before, (before, await row(world.storage, kind))
        assert await changes_since(world.storage, cursor) == [], f"the repeated {kind} told a change"


@case("Q3")
async def one_settlement_twice_in_a_call_counts_once(world: World) -> None:
    done, back = await added_and_claimed(world.storage, "a"), await added_and_claimed(world.storage, "b")
    twice = [settlement(done, "complete"), settlement(back, "release")] * 2

    exchanged = await world.storage.exchange([*twice, settlement(done, "fail")], None)

    assert list(exchanged.verdicts) == ["ok"] * 4 + ["lost"], exchanged
    found = await row(world.storage, "b")
    assert (found.attempt, found.interruptions) == (0, 1), found


@case("R4")
async def verdicts_of_exchange_come_in_order(world: World) -> None:
    await add(world.storage, "pending")
    one, two = await added_and_claimed(world.storage, "a"), await added_and_claimed(world.storage, "b")
    settlements = [
        settlement(Lease("nobody", 1), "complete"),
        settlement(two, "complete"),
        settlement(Lease("pending", 0), "complete"),
        settlement(one, "retry"),
    ]

    exchanged = await world.storage.exchange(settlements, None)

    assert list(exchanged.verdicts) == ["unknown", "ok", "lost", "ok"], exchanged
    assert list(exchanged.jobs) == [], exchanged


@case("R3", "Q3")
async def fences_never_go_back(world: World) -> None:
    await add(world.storage, "a")
    fences: list[int] = []
    for kind in ("retry", "snooze", "release", "suspend", "complete"):
        job = await claim_one(world.storage)
        fences.append(job.fence)
        await settle(world.storage, job, kind, wake=Wake(after_ms=0))

    assert fences == [1, 2, 3, 4, 5], fences


@case("Q12", "R1")
async def exchange_settles_before_it_claims(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await add(world.storage, "b", priority=1)

    exchanged = await world.storage.exchange([settlement(job, "snooze")], asking(limit=1))

    assert list(exchanged.verdicts) == ["ok"], exchanged
    assert [(one.id, one.fence) for one in exchanged.jobs] == [("a", 2)], exchanged


@case("Q1", "Q2")
async def an_exchange_may_be_repeated_as_it_was(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await add(world.storage, "b", "c")
    settlements, request = [settlement(job, "complete", output="1")], asking(limit=1)
    first = await world.storage.exchange(settlements, request)

    again = await world.storage.exchange(settlements, request)

    assert (list(again.verdicts), list(again.jobs)) == (list(first.verdicts), list(first.jobs)), (
        first,
        again,
    )
    assert await states(world.storage, "a", "b", "c") == ["completed", "running", "pending"], (
        "the repeat took more"
    )


@case("R1", "R2")
async def many_attempts_are_settled_in_one_call(world: World) -> None:
    ids = [f"{number:03d}" for number in range(300)]
    await add(world.storage, *ids)
    jobs = await claim(world.storage, limit=300)

    exchanged = await world.storage.exchange([settlement(job, "complete", output="1") for job in jobs], None)

    assert list(exchanged.verdicts) == ["ok"] * 300, set(exchanged.verdicts)
    assert set(await states(world.storage, *ids)) == {"completed"}, "left over"
    assert {job.namespace for job in jobs} == {NAMESPACE}, jobs[:1]


@case("T6", "R6")
async def only_a_completed_job_has_an_output(world: World) -> None:
    for kind in ("fail", "cancel", "disable"):
        await settle(world.storage, await added_and_claimed(world.storage, kind), kind, output='"no"')

    rows = await world.storage.get(["fail", "cancel", "disable"])
    assert [one.output for one in rows.values()] == [None] * 3, rows
