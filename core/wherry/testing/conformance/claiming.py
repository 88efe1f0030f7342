"""Which jobs `exchange` hands out, in which order, and what it charges."""

from __future__ import annotations

from wherry.messages import PRIORITY_STEP_MS
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    asking,
    claim,
    claim_ids,
    claim_one,
    new_job,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case


@case("R12")
async def claim_takes_the_lowest_priority_first(world: World) -> None:
    await world.storage.add(
        [new_job("a", priority=5), new_job("b", priority=-1000), new_job("c", priority=1000), new_job("d")]
    )

    claimed = await claim_ids(world.storage)

    assert claimed == ["b", "d", "a", "c"], claimed


@case("R12")
async def jobs_of_one_priority_go_by_due_time_and_then_by_id(world: World) -> None:
    for priority in (0, 1000, -1000):
        now_ms, common = world.clock.now_ms(), {"priority": priority, "queue": f"{priority}"}
        await add(world.storage, f"e{priority}", f"d{priority}", **common)
        await add(world.storage, f"b{priority}", run_at_ms=now_ms - 1, **common)
        await add(world.storage, f"a{priority}", delay_ms=1, **common)
        world.clock.advance(10)

        claimed = await claim_ids(world.storage)

        assert claimed == [f"{letter}{priority}" for letter in "bdea"], claimed


@case("R12")
async def order_holds_over_queues_and_tasks(world: World) -> None:
    await world.storage.add(
        [
            new_job("a", queue="x", task="t", priority=4),
            new_job("b", queue="y", task="u", priority=1),
            new_job("c", queue="x", task="u", priority=3),
            new_job("d", queue="y", task="t", priority=2),
        ]
    )

    first = await claim_ids(world.storage, limit=3, tasks=("t", "u"))

    assert first == ["b", "d", "c"], first


@case("R12", "C7")
async def order_holds_over_many_lanes(world: World) -> None:
    lanes = [(space, queue, task) for space in "mn" for queue in "uvwxyz" for task in "abc"]
    jobs = [
        new_job(f"{number:02d}", namespace=space, queue=queue, task=task, priority=number * 37 % 101)
        for number, (space, queue, task) in enumerate(lanes * 2)
    ]
    await world.storage.add(jobs)

    claimed = await claim_ids(world.storage, tasks=tuple("abc"), namespaces=tuple("mn"))

    assert claimed == [job.id for job in sorted(jobs, key=lambda job: (job.priority, job.id))], claimed


@case("R12")
async def no_waiting_makes_up_for_priority(world: World) -> None:
    await add(world.storage, "old", priority=1)
    world.clock.advance(365 * 86_400_000)
    await add(world.storage, "new", priority=0)

    claimed = await claim_ids(world.storage)

    assert claimed == ["new", "old"], claimed


@case("R12")
async def waiting_makes_up_for_priority_where_the_task_ages(world: World) -> None:
    aging = {"priority_step_ms": 60_000}
    await add(world.storage, "old", priority=1, **aging)
    world.clock.advance(60_001)
    await add(world.storage, "new", priority=0, **aging)

    claimed = await claim_ids(world.storage)

    assert claimed == ["old", "new"], (claimed, PRIORITY_STEP_MS)


@case("R12")
async def a_later_job_of_high_priority_holds_nobody_up(world: World) -> None:
    await add(world.storage, "a", "b", "c", priority=-1000, delay_ms=60_000)
    await add(world.storage, "d", priority=1000)

    claimed = await claim_ids(world.storage, limit=1)

    assert claimed == ["d"], claimed


@case("R2")
async def claim_takes_no_more_than_its_limit(world: World) -> None:
    await add(world.storage, "a", "b", "c")

    first, second = await claim_ids(world.storage, limit=2), await claim_ids(world.storage, limit=2)

    assert (first, second) == (["a", "b"], ["c"]), (first, second)


@case("T5")
async def a_worker_passes_over_tasks_that_it_does_not_know(world: World) -> None:
    await add(world.storage, *[f"a{number}" for number in range(50)], task="foreign")
    await add(world.storage, "b", task="t")

    claimed = await claim_ids(world.storage, limit=1, tasks=("t",))

    assert claimed == ["b"], claimed
    assert len(await claim_ids(world.storage, limit=99, tasks=("foreign",))) == 50, (
        "left for those who know it"
    )


@case("C7")
async def claim_takes_from_its_namespaces_and_queues_only(world: World) -> None:
    await add(world.storage, "a", namespace="other")
    await add(world.storage, "b", queue="other")
    await add(world.storage, "c")

    claimed = await claim_ids(world.storage, queues=("q",))
    both = await claim_ids(world.storage, namespaces=("n", "other"), queues=("q", "other"))

    assert claimed == ["c"], claimed
    assert both == ["a", "b"], both


@case("C7")
async def no_queues_at_all_are_not_every_queue(world: World) -> None:
    await add(world.storage, "a")

    for part in ("queues", "tasks", "namespaces", "ids"):
        request = asking(limit=9)._replace(**{part: ()})
        found = await world.storage.exchange([], request)
        assert list(found.jobs) == [], (part, found)

    assert await claim_ids(world.storage, queues=None) == ["a"], "None is every queue"


@case("C7", "R16")
async def the_empty_namespace_is_one_like_any_other(world: World) -> None:
    await add(world.storage, "a", namespace="")
    await add(world.storage, "b", namespace="n")

    claimed = await claim_ids(world.storage, namespaces=("",))

    assert claimed == ["a"], claimed


@case("T3")
async def claim_takes_only_the_jobs_it_names(world: World) -> None:
    await add(world.storage, "a", "b", "c", "d")

    claimed = await claim_ids(world.storage, ids=("d", "b", "unknown"))

    assert claimed == ["b", "d"], claimed
    assert await claim_ids(world.storage) == ["a", "c"], "the others are still there, in order"


@case("R3", "R5", "T6")
async def claiming_charges_an_attempt_and_takes_a_lease(world: World) -> None:
    await add(world.storage, "a")
    before = await row(world.storage, "a")
    world.clock.advance(7)

    await claim_one(world.storage, worker="worker-1", lease_ms=5000)

    found, now_ms = await row(world.storage, "a"), world.clock.now_ms()
    assert (found.state, found.worker) == ("running", "worker-1"), found
    assert (found.attempt, found.fence, found.revision) == (1, 1, before.revision + 1), found
    assert (found.lease_until_ms, found.started_at_ms, found.attempted_at_ms) == (
        now_ms + 5000,
        now_ms,
        now_ms,
    ), found


@case("T6")
async def the_first_start_is_kept_when_the_job_runs_again(world: World) -> None:
    started_ms = world.clock.now_ms()
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "retry")
    world.clock.advance(100)

    await claim_one(world.storage)

    found = await row(world.storage, "a")
    assert (found.started_at_ms, found.attempted_at_ms) == (started_ms, started_ms + 100), found
    assert (found.attempt, found.fence) == (2, 2), found


@case("R14")
async def a_worker_gets_what_it_needs_of_a_job(world: World) -> None:
    deadline_at_ms = world.clock.now_ms() + 9000
    await world.storage.add(
        [
            new_job(
                "a",
                input="[1]",
                timeout_ms=50,
                deadline_at_ms=deadline_at_ms,
                backoff='{"f":1}',
                trace="00-x",
            )
        ]
    )
    world.clock.advance(1000)

    job = await claim_one(world.storage)

    assert (job.id, job.task, job.queue, job.namespace, job.input) == ("a", "t", "q", "n", "[1]"), job
    assert (job.fence, job.attempt, job.max_attempts, job.interruptions) == (1, 1, 4, 0), job
    assert (job.backoff, job.timeout_ms, job.deadline_left_ms, job.trace) == ('{"f":1}', 50, 8000, "00-x"), (
        job
    )
    assert job.checkpoint is None, job


@case("R3", "R5", "Q2")
async def a_repeated_claim_returns_the_same_jobs_and_takes_no_more(world: World) -> None:
    await add(world.storage, "c", "b", "a", "d")
    request = asking(limit=2)
    first = await world.storage.exchange([], request)

    again = await world.storage.exchange([], request)

    assert list(again.jobs) == list(first.jobs), (first, again)
    assert [job.id for job in again.jobs] == ["a", "b"], again
    found = await row(world.storage, "a")
    assert (found.attempt, found.fence) == (1, 1), found
    assert await claim_ids(world.storage) == ["c", "d"], "the repeat took more"


@case("R3", "Q3")
async def a_repeated_claim_leaves_out_what_is_no_longer_running_under_it(world: World) -> None:
    await add(world.storage, "a", "b", "c")
    request = asking(limit=3)
    done, released, _ = (await world.storage.exchange([], request)).jobs
    await settle(world.storage, done, "complete")
    await settle(world.storage, released, "release")
    await claim_one(world.storage, worker="other")

    again = await world.storage.exchange([], request)

    assert [job.id for job in again.jobs] == ["c"], again


@case("R3")
async def a_repeated_claim_takes_nothing_new_when_all_of_it_is_settled(world: World) -> None:
    request = asking(limit=5)
    await add(world.storage, "a")
    (job,) = (await world.storage.exchange([], request)).jobs
    await settle(world.storage, job, "complete")
    await add(world.storage, "b")

    again = await world.storage.exchange([], request)

    assert list(again.jobs) == [], again
    assert await claim_ids(world.storage) == ["b"], "left for a claim of its own"


@case("R3")
async def a_lease_is_as_long_as_its_claim_asked(world: World) -> None:
    await add(world.storage, "a", "b")
    now_ms = world.clock.now_ms()

    await claim(world.storage, lease_ms=1000)
    await claim(world.storage)

    leases = [(await row(world.storage, id)).lease_until_ms for id in ("a", "b")]
    assert leases == [now_ms + 1000, now_ms + LEASE_MS], leases
