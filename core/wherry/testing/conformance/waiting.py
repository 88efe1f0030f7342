"""What a claim must pass over for now, and how long an idle worker may sleep."""

from __future__ import annotations

from wherry.messages import Signal, Wake
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim_ids,
    claim_one,
    exchange_claim,
    head,
    pause,
    row,
    settle,
    write,
)
from wherry.testing.conformance.world import World, case


@case("R15")
async def an_idle_worker_learns_when_the_next_job_is_due(world: World) -> None:
    await add(world.storage, "a", delay_ms=9000)
    await add(world.storage, "b", delay_ms=4000)

    first = await exchange_claim(world.storage)
    world.clock.advance(1500)
    second = await exchange_claim(world.storage)

    assert (first.next_due_in_ms, second.next_due_in_ms) == (4000, 2500), (first, second)


@case("R15")
async def nothing_to_come_is_said_as_none(world: World) -> None:
    await added_and_claimed(world.storage, "a")

    found = await exchange_claim(world.storage)

    assert (list(found.jobs), found.next_due_in_ms) == ([], None), found


@case("R15", "C7")
async def jobs_for_others_wake_nobody(world: World) -> None:
    await add(world.storage, "a", delay_ms=1000, task="foreign")
    await add(world.storage, "b", delay_ms=2000, queue="other")
    await add(world.storage, "c", delay_ms=3000, namespace="other")
    await add(world.storage, "d", delay_ms=4000)

    found = await exchange_claim(world.storage, queues=("q",))

    assert found.next_due_in_ms == 4000, found


@case("R15", "R5")
async def a_retry_to_come_is_waited_for(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "retry", delay_ms=700)

    found = await exchange_claim(world.storage)

    assert found.next_due_in_ms == 700, found


@case("R15", "V2")
async def a_sleep_to_come_is_waited_for(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await settle(world.storage, job, "suspend", wake=Wake(after_ms=5000))

    found = await exchange_claim(world.storage)

    assert found.next_due_in_ms == 5000, found


@case("R12", "R5")
async def a_job_that_comes_back_queues_at_its_new_time(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(1)
    await add(world.storage, "b")
    world.clock.advance(1)

    await settle(world.storage, job, "retry")

    claimed = await claim_ids(world.storage)
    assert claimed == ["b", "a"], claimed


@case("R15", "V2")
async def a_job_is_due_at_the_last_time_it_was_given(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await settle(world.storage, job, "suspend", wake=Wake(after_ms=5000, signals=("go",)))
    await world.storage.signal([Signal("a", "go", "1", "1")])
    await settle(world.storage, await claim_one(world.storage), "snooze", delay_ms=9000)

    first = await exchange_claim(world.storage)
    world.clock.advance(5000)
    found = await exchange_claim(world.storage)
    world.clock.advance(4000)

    due_in = first.next_due_in_ms, found.next_due_in_ms
    assert (due_in, list(found.jobs)) == ((9000, 4000), []), (first, found)
    assert await claim_ids(world.storage) == ["a"], "not claimed when due"


@case("R16")
async def nothing_is_claimed_from_a_paused_queue(world: World) -> None:
    await add(world.storage, "a", queue="paused")
    await add(world.storage, "b", queue="q")
    await pause(world.storage, "n/queue/paused")

    claimed = await claim_ids(world.storage)
    await write(world.storage, "n/queue/paused", None, expected=None, kind="pause")

    assert claimed == ["b"], claimed
    assert await claim_ids(world.storage) == ["a"], "not claimed after the pause"


@case("R16")
async def nothing_is_claimed_of_a_paused_task(world: World) -> None:
    await add(world.storage, "a", task="t")
    await add(world.storage, "b", task="u")
    await pause(world.storage, "n/task/t")

    claimed = await claim_ids(world.storage, tasks=("t", "u"))

    assert claimed == ["b"], claimed


@case("R16", "C7")
async def a_pause_holds_in_its_own_namespace_only(world: World) -> None:
    await add(world.storage, "a", namespace="")
    await add(world.storage, "b", namespace="n")
    await add(world.storage, "c", namespace="m")
    await pause(world.storage, "/queue/q")
    await pause(world.storage, "m/task/t")
    await pause(world.storage, "n/queue/qq")

    claimed = await claim_ids(world.storage, namespaces=("", "n", "m"))

    assert claimed == ["b"], claimed


@case("R16")
async def a_paused_queue_keeps_what_runs_and_what_comes_back(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await pause(world.storage, "n/queue/q")

    verdict = await settle(world.storage, job, "retry")

    assert verdict == "ok", verdict
    assert await claim_ids(world.storage) == [], "claimed from a paused queue"
    assert (await row(world.storage, "a")).state == "pending", await row(world.storage, "a")


@case("R15", "Q4")
async def a_job_that_was_due_stays_due_when_the_clock_goes_back(world: World) -> None:
    await add(world.storage, "a")
    await settle(world.storage, await added_and_claimed(world.storage, "b"), "retry")
    world.clock.advance(-3_600_000)

    claimed = await claim_ids(world.storage)

    assert claimed == ["a", "b"], claimed


@case("R15")
async def a_jump_forward_makes_due_what_it_passes(world: World) -> None:
    await add(world.storage, "a", delay_ms=86_400_000)
    await add(world.storage, "b", delay_ms=3 * 86_400_000)
    world.clock.advance(2 * 86_400_000)

    found = await exchange_claim(world.storage, limit=9)

    assert [job.id for job in found.jobs] == ["a"], found
    assert (await exchange_claim(world.storage)).next_due_in_ms == 86_400_000, "the other is a day away"


@case("R15")
async def a_claim_that_takes_jobs_says_nothing_of_later_ones(world: World) -> None:
    await add(world.storage, "a")
    await add(world.storage, "b", delay_ms=1000)

    found = await exchange_claim(world.storage, limit=9)

    assert ([job.id for job in found.jobs], found.next_due_in_ms) == (["a"], None), found


@case("R15", "C6")
async def a_scheduled_job_that_falls_due_is_not_told(world: World) -> None:
    await add(world.storage, "a", delay_ms=1000)
    await settle(world.storage, await added_and_claimed(world.storage, "b"), "retry", delay_ms=1000)
    cursor = await head(world.storage)
    world.clock.advance(1000)

    await exchange_claim(world.storage, tasks=("other",))

    assert await changes_since(world.storage, cursor) == [], await changes_since(world.storage, cursor)
    assert await claim_ids(world.storage) == ["a", "b"], "not due"
