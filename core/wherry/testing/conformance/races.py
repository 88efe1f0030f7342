"""Two workers, two openings of one store: whatever the order, one outcome."""

from __future__ import annotations

from asyncio import create_task, gather, wait
from collections import Counter
from collections.abc import Sequence

from wherry.messages import Claimed, Filter, RecordWrite, Settlement, Unique
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    asking,
    claim,
    claim_ids,
    claim_one,
    in_time,
    new_job,
    query_ids,
    read,
    renew,
    row,
    settle,
    settlement,
    states,
    write,
)
from wherry.testing.conformance.world import World, case


async def claim_until_empty(storage: Storage, limit: int) -> list[str]:
    found: list[str] = []
    while ids := await claim_ids(storage, limit=limit):
        found += ids
    return found


async def work_until_empty(storage: Storage) -> list[str]:
    """Settle each batch in the call that claims the next, as workers do."""
    done: list[str] = []
    settlements: list[Settlement] = []
    jobs: Sequence[Claimed] = ()
    while True:
        exchanged = await storage.exchange(settlements, asking(limit=5))
        assert list(exchanged.verdicts) == ["ok"] * len(settlements), exchanged
        done += [job.id for job in jobs]
        if not exchanged.jobs:
            return done
        jobs = exchanged.jobs
        settlements = [settlement(job, "complete", output=job.input) for job in jobs]


@case("R3", "Q3", "B2")
async def two_workers_never_claim_the_same_job(world: World) -> None:
    names = [f"{number:03d}" for number in range(80)]
    await add(world.storage, *names)
    async with world.second() as second:
        claims = [
            claim_until_empty(storage, limit) for limit in (1, 3, 7) for storage in (world.storage, second)
        ]
        found = [id for ids in await gather(*claims) for id in ids]

    assert sorted(found) == names, Counter(found).most_common(3)
    attempts = {(one.attempt, one.fence) for one in (await world.storage.get(names)).values()}
    assert attempts == {(1, 1)}, attempts


@case("R3", "Q3")
async def concurrent_claims_share_what_there_is(world: World) -> None:
    await add(world.storage, "a", "b", "c", "d", "e")
    async with world.second() as second:
        batches = await gather(*[claim_ids(storage, limit=2) for storage in (world.storage, second) * 3])

    assert sorted(id for ids in batches for id in ids) == ["a", "b", "c", "d", "e"], batches
    assert max(map(len, batches)) <= 2, batches


@case("R3", "R5")
async def a_claim_repeated_while_it_is_under_way_is_charged_once(world: World) -> None:
    await add(world.storage, "a", "b", "c", "d")
    request = asking(limit=2)
    async with world.second() as second:
        replies = await gather(*[storage.exchange([], request) for storage in (world.storage, second) * 2])

    batches = [[job.id for job in reply.jobs] for reply in replies]
    assert batches == [["a", "b"]] * 4, batches
    rows = await world.storage.get(["a", "b", "c", "d"])
    assert [one.attempt for one in rows.values()] == [1, 1, 0, 0], rows


@case("Q2", "R3", "R5")
async def a_call_that_was_given_up_can_be_repeated(world: World) -> None:
    for turns in range(6):
        name = f"{turns}"
        await add(world.storage, name)
        request = asking(limit=1)
        given_up = create_task(world.storage.exchange([], request))
        for _ in range(turns):
            await wait([given_up], timeout=0)
        given_up.cancel()
        await wait([given_up])

        again = await in_time(world.storage.exchange([], request))

        assert [(job.id, job.fence, job.attempt) for job in again.jobs] == [(name, 1, 1)], (turns, again)
        assert await claim_ids(world.storage) == [], "claimed twice"


@case("R1", "Q2", "Q3", "Q12")
async def concurrent_exchanges_lose_and_double_nothing(world: World) -> None:
    names = [f"{number:03d}" for number in range(60)]
    await world.storage.add([new_job(name, input=f'"{name}"') for name in names])
    async with world.second() as second:
        done = await gather(*[work_until_empty(storage) for storage in (world.storage, second) * 2])

    assert sorted(id for ids in done for id in ids) == names, done
    outcomes = {
        (one.state, one.attempt, one.output == one.input) for one in (await world.storage.get(names)).values()
    }
    assert outcomes == {("completed", 1, True)}, outcomes


@case("U1", "Q9")
async def concurrent_adds_of_one_key_store_one_job(world: World) -> None:
    jobs = [new_job(f"{number}", unique=Unique("k", "done")) for number in range(8)]
    async with world.second() as second:
        replies = await gather(*[(world.storage, second)[n % 2].add([job]) for n, job in enumerate(jobs)])

    added = [one for reply in replies for one in reply]
    (winner,) = await query_ids(world.storage)
    assert Counter(one.verdict for one in added) == {"ok": 1, "duplicate": 7}, added
    assert {one.id for one in added} == {winner}, added


@case("U1", "C8", "Q9")
async def a_key_has_one_holder_when_jobs_are_put_back(world: World) -> None:
    unique = Unique("k", "done")
    for number in range(4):
        job = await added_and_claimed(world.storage, f"old {number}", unique=unique)
        await settle(world.storage, job, "fail")
    async with world.second() as second:
        putting_back = [storage.alter(Filter(), "requeue", limit=9) for storage in (world.storage, second)]
        adding = [storage.add([new_job("new", unique=unique)]) for storage in (world.storage, second)]
        changed, added = await gather(gather(*putting_back), gather(*adding))

    waiting = await query_ids(world.storage, states=("pending",))
    assert len(waiting) == 1, (waiting, changed, added)
    assert {one.id for (one,) in added} == set(waiting), (waiting, changed, added)


@case("Q1", "C2")
async def concurrent_adds_of_one_job_store_it_once(world: World) -> None:
    async with world.second() as second:
        verdicts = await gather(*[add(storage, "a", "b") for storage in (world.storage, second) * 3])

    assert Counter(map(tuple, verdicts)) == {("ok", "ok"): 1, ("duplicate", "duplicate"): 5}, verdicts
    assert await query_ids(world.storage) == ["b", "a"], "stored"


@case("Q3", "R4")
async def one_of_two_outcomes_is_accepted(world: World) -> None:
    for number in range(5):
        job = await added_and_claimed(world.storage, f"{number}")
        async with world.second() as second:
            verdicts = await gather(
                settle(world.storage, job, "complete", output="1"), settle(second, job, "fail", error='"x"')
            )
        found = await row(world.storage, job.id)
        assert sorted(verdicts) == ["lost", "ok"], verdicts
        assert found.state == ("completed" if verdicts[0] == "ok" else "failed"), (verdicts, found)


@case("R7", "R5")
async def a_cancel_beside_a_retry_ends_the_job(world: World) -> None:
    for number, kind in enumerate(("retry", "snooze", "release", "retry")):
        job = await added_and_claimed(world.storage, f"{number}")
        async with world.second() as second:
            cancelling = world.storage.alter(Filter(ids=(job.id,)), "cancel", limit=1)
            verdict, changed = await gather(settle(second, job, kind), cancelling)

        found = await row(world.storage, job.id)
        assert (list(changed), found.state) == ([job.id], "cancelled"), (verdict, changed, found)
    assert await claim_ids(world.storage) == [], "a cancelled job came back"


@case("R7")
async def a_cancel_beside_a_claim_is_never_forgotten(world: World) -> None:
    for number in range(5):
        await add(world.storage, f"{number}")
        async with world.second() as second:
            cancelling = second.alter(Filter(ids=(f"{number}",)), "cancel", limit=1)
            jobs, changed = await gather(claim(world.storage), cancelling)

        found = await row(world.storage, f"{number}")
        state = "running" if jobs else "cancelled"
        assert (list(changed), found.state) == ([f"{number}"], state), (jobs, changed, found)
        assert found.cancel_requested_at_ms == world.clock.now_ms(), found


@case("R7", "Q3")
async def a_cancel_beside_a_completion_leaves_the_result(world: World) -> None:
    for number in range(4):
        job = await added_and_claimed(world.storage, f"{number}")
        async with world.second() as second:
            cancelling = world.storage.alter(Filter(ids=(job.id,)), "cancel", limit=1)
            _, verdict = await gather(cancelling, settle(second, job, "complete", output="1"))

        found = await row(world.storage, job.id)
        assert (verdict, found.state, found.output) == ("ok", "completed", "1"), (verdict, found)


@case("R16", "Q3")
async def a_disable_beside_a_completion_has_one_winner(world: World) -> None:
    for number in range(4):
        job = await added_and_claimed(world.storage, f"{number}")
        async with world.second() as second:
            disabling = second.alter(Filter(ids=(job.id,)), "disable", limit=1)
            verdict, changed = await gather(settle(world.storage, job, "complete"), disabling)

        state = (await states(world.storage, job.id))[0]
        possible = (("ok", 0, "completed"), ("lost", 1, "disabled"))
        assert (verdict, len(changed), state) in possible, (verdict, changed, state)


@case("R3", "R4", "Q5")
async def of_a_sweeper_and_a_late_renewal_one_wins(world: World) -> None:
    jobs = [await added_and_claimed(world.storage, f"{number}") for number in range(4)]
    world.clock.advance(LEASE_MS + 1)
    async with world.second() as second:
        renewals = [renew(second, job) for job in jobs]
        sweeps = [settle(world.storage, job, "retry", if_lapsed=True) for job in jobs]
        late, swept = await gather(gather(*renewals), gather(*sweeps))

    assert {*zip(late, swept, strict=True)} <= {("ok", "lost"), ("lost", "ok")}, (late, swept)
    again = await claim(world.storage, limit=9)
    assert [(job.attempt, job.fence) for job in again] == [(2, 2)] * swept.count("ok"), (again, swept)


@case("R3", "Q4")
async def sweepers_in_a_crowd_charge_once(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)
    async with world.second() as second:
        crowd = (world.storage, second) * 3
        await gather(*[settle(storage, job, "retry", error='"gone"', if_lapsed=True) for storage in crowd])

    found = await row(world.storage, "a")
    assert (found.state, found.attempt, found.errors.strip()) == ("pending", 1, '"gone"'), found
    assert (await claim_one(world.storage)).attempt == 2, await row(world.storage, "a")


@case("D3", "Q8")
async def one_of_many_schedulers_fires(world: World) -> None:
    await write(world.storage, "nightly", "0", expected=0)
    async with world.second() as second:
        fired = await gather(
            *[
                storage.add([new_job(f"{number}")], records=[RecordWrite("k", "nightly", 1, f"{number}")])
                for number, storage in enumerate((world.storage, second) * 4)
            ]
        )

    verdicts = Counter(added.verdict for (added,) in fired)
    assert verdicts == {"ok": 1, "refused": 7}, fired
    assert await read(world.storage) == [("nightly", 2, (await query_ids(world.storage))[0])], await read(
        world.storage
    )


@case("D3")
async def no_increment_under_compare_and_swap_is_lost(world: World) -> None:
    await write(world.storage, "counter", "0", expected=0)

    async def increment(storage: Storage, times: int) -> None:
        while times:
            ((_, version, value),) = await read(storage)
            times -= await write(storage, "counter", str(int(value) + 1), expected=version)

    async with world.second() as second:
        await gather(*[increment(storage, 5) for storage in (world.storage, second) * 2])

    assert await read(world.storage) == [("counter", 21, "20")], await read(world.storage)
