"""Many calls at once through one opening: each gets its own answer, as if it were alone."""

from __future__ import annotations

from asyncio import create_task, gather, wait
from collections.abc import Sequence

from wherry.errors import UnsupportedByStorage
from wherry.messages import Filter, Gate, Lease, Report, Signal
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    claim,
    claim_ids,
    exchange_claim,
    new_job,
    query_ids,
    read,
    row,
    settle,
    states,
)
from wherry.testing.conformance.world import World, case


@case("R1", "T5", "C7")
async def claims_of_different_workers_do_not_mix(world: World) -> None:
    storage = world.storage
    await add(storage, "a", "b", task="t")
    await add(storage, "c", "d", task="u")
    await add(storage, "e", queue="other")
    await add(storage, "f", namespace="m")

    found = await gather(
        claim_ids(storage, limit=1, queues=("q",)),
        claim_ids(storage, limit=9, tasks=("u",)),
        claim_ids(storage, limit=9, queues=("other",)),
        claim_ids(storage, limit=9, namespaces=("m",)),
        claim_ids(storage, limit=9, queues=("q",)),
        claim_ids(storage, limit=9, tasks=("nothing",)),
    )

    assert sorted(found[0] + found[4]) == ["a", "b"], found
    assert len(found[0]) <= 1, found
    assert [found[1], found[2], found[3], found[5]] == [["c", "d"], ["e"], ["f"], []], found


@case("R1", "R3")
async def each_worker_gets_jobs_under_its_own_name(world: World) -> None:
    await add(world.storage, *[f"{number}" for number in range(6)])
    workers = [f"w{number}" for number in range(3)]

    found = await gather(*[claim_ids(world.storage, limit=2, worker=worker) for worker in workers])

    for worker, ids in zip(workers, found, strict=True):
        held = {(await row(world.storage, id)).worker for id in ids}
        assert (len(ids), held) == (2, {worker}), (worker, ids, held)


@case("Q3", "R4")
async def verdicts_go_to_those_who_asked(world: World) -> None:
    done, back, stale = [await added_and_claimed(world.storage, name) for name in ("done", "back", "stale")]
    stale = Lease(stale.id, stale.fence + 1)

    verdicts = await gather(
        settle(world.storage, done, "complete", output="1"),
        settle(world.storage, Lease("nobody", 1), "complete"),
        settle(world.storage, stale, "complete"),
        settle(world.storage, back, "retry"),
    )

    assert verdicts == ["ok", "unknown", "lost", "ok"], verdicts
    assert await states(world.storage, "done", "back", "stale") == ["completed", "pending", "running"], (
        verdicts
    )


@case("C2", "Q1")
async def a_crowd_of_adds_gets_its_own_answers(world: World) -> None:
    await add(world.storage, "old")
    calls = [
        [f"{number}-{part}" for part in range(number % 3)] + ["old"] * (number % 2) for number in range(30)
    ]

    answers = await gather(*[world.storage.add([new_job(id) for id in ids]) for ids in calls])

    for ids, answer in zip(calls, answers, strict=True):
        wanted = [(id, "duplicate" if id == "old" else "ok") for id in ids]
        assert [(one.id, one.verdict) for one in answer] == wanted, (ids, answer)
    assert await world.storage.count(Filter()) == {(): 31}, await query_ids(world.storage)


@case("G9", "C2")
async def a_refused_call_does_not_spoil_those_beside_it(world: World) -> None:
    if world.storage.capabilities.limits:
        return  # then no add is refused as a whole
    calls = [[new_job("a")], [new_job("b", gates=(Gate("k", 1),))], [new_job("c"), new_job("d")]]

    answers = await gather(*[world.storage.add(jobs) for jobs in calls], return_exceptions=True)

    kinds = [isinstance(answer, UnsupportedByStorage) for answer in answers]
    assert kinds == [False, True, False], answers
    assert await query_ids(world.storage) == ["d", "c", "a"], answers


@case("R3")
async def renewals_hold_as_long_as_each_asked(world: World) -> None:
    jobs = [await added_and_claimed(world.storage, f"{number}") for number in range(4)]
    now_ms = world.clock.now_ms()

    async def renew(number: int) -> Sequence[str]:
        lease = Lease(jobs[number].id, jobs[number].fence)
        return await world.storage.renew([lease], lease_ms=LEASE_MS * (1 + number % 2))

    verdicts = await gather(*[renew(number) for number in range(4)])

    assert [list(one) for one in verdicts] == [["ok"]] * 4, verdicts
    held_ms = [((await row(world.storage, job.id)).lease_until_ms or 0) - now_ms for job in jobs]
    assert held_ms == [LEASE_MS, 2 * LEASE_MS] * 2, held_ms


@case("R14", "V2")
async def reports_and_signals_go_to_their_own_jobs(world: World) -> None:
    jobs = [await added_and_claimed(world.storage, f"{number}") for number in range(4)]

    reported, sent = await gather(
        gather(
            *[world.storage.report([Report(job.id, job.fence, int(job.id), logs=(job.id,))]) for job in jobs]
        ),
        gather(*[world.storage.signal([Signal(id, "go", "1", "1")]) for id in ("0", "nobody", "3", "0")]),
    )

    assert [list(one) for one in reported] == [["ok"]] * 4, reported
    assert sorted(verdict for one in sent for verdict in one) == ["duplicate", "ok", "ok", "unknown"], sent
    assert list(sent[1]) == ["unknown"], sent
    assert [(await row(world.storage, job.id)).percent for job in jobs] == [0, 1, 2, 3], reported
    lines = [(key, value) for key, _, value in await read(world.storage, "log")]
    assert lines == [(f"{number}/0000000001", f"{number}") for number in range(4)], lines


@case("C5")
async def answers_of_get_do_not_mix(world: World) -> None:
    await add(world.storage, "a", "b", "c")

    found = await gather(*[world.storage.get(ids) for ids in (["a"], ["b", "a"], [], ["nobody"], ["c", "c"])])

    assert [sorted(one) for one in found] == [["a"], ["a", "b"], [], [], ["c"]], found
    assert all(one.id == id for rows in found for id, one in rows.items()), found


@case("C2", "Q1")
async def a_caller_that_gives_up_takes_nobody_with_it(world: World) -> None:
    tasks = [create_task(add(world.storage, f"{number}")) for number in range(6)]
    await wait(tasks, timeout=0)
    tasks[2].cancel()
    tasks[5].cancel()

    await wait(tasks)

    verdicts = [task.result() for number, task in enumerate(tasks) if number not in (2, 5)]
    assert verdicts == [["ok"]] * 4, verdicts
    again = await add(world.storage, *[f"{number}" for number in range(6)])
    assert set(again) <= {"ok", "duplicate"}, again
    assert await world.storage.count(Filter()) == {(): 6}, await query_ids(world.storage)


@case("R1", "R2")
async def nobody_gets_more_than_it_asked_for(world: World) -> None:
    await add(world.storage, *[f"{number:02d}" for number in range(20)])
    limits = (1, 2, 3, 4, 5)

    found = await gather(*[claim(world.storage, limit=limit) for limit in limits])

    assert [len(jobs) for jobs in found] == list(limits), found
    assert len({job.id for jobs in found for job in jobs}) == 15, found
    assert len((await exchange_claim(world.storage, limit=9)).jobs) == 5, "the rest"
