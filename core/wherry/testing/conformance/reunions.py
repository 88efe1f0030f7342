"""Races between what waits and what it waits for: no lost wake-up, no missed change."""

from __future__ import annotations

from asyncio import gather
from collections import Counter

from wherry.messages import Change, Cursor, Edge, Filter, Signal, Wake
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    claim,
    claim_ids,
    claim_one,
    head,
    in_time,
    listening,
    new_job,
    query_ids,
    settle,
    states,
)
from wherry.testing.conformance.world import World, case


@case("V2")
async def a_signal_beside_a_suspension_is_not_lost(world: World) -> None:
    for number in range(5):
        job = await added_and_claimed(world.storage, f"{number}")
        async with world.second() as second:
            verdict, sent = await gather(
                settle(world.storage, job, "suspend", wake=Wake(signals=("go",))),
                second.signal([Signal(job.id, "go", "1", "1")]),
            )
        assert (verdict, list(sent)) == ("ok", ["ok"]), (verdict, sent)

    found = await claim_ids(world.storage)
    assert found == ["0", "1", "2", "3", "4"], await world.storage.count(Filter(), by=("state",))


@case("V2", "V1")
async def a_child_that_ends_beside_a_suspension_is_not_lost(world: World) -> None:
    for number in range(5):
        child = await added_and_claimed(world.storage, f"child {number}")
        job = await added_and_claimed(world.storage, f"{number}")
        async with world.second() as second:
            verdicts = await gather(
                settle(second, child, "complete"),
                settle(world.storage, job, "suspend", wake=Wake(jobs=(child.id,))),
            )
        assert verdicts == ["ok", "ok"], verdicts

    assert await claim_ids(world.storage) == ["0", "1", "2", "3", "4"], "a wake-up was lost"


@case("V1")
async def a_parent_that_ends_while_its_child_is_added_frees_it(world: World) -> None:
    for number in range(5):
        job = await added_and_claimed(world.storage, f"p{number}")
        async with world.second() as second:
            verdict, added = await gather(
                settle(world.storage, job, "complete"), add(second, f"c{number}", after=(Edge(job.id),))
            )
        assert (verdict, added) == ("ok", ["ok"]), (verdict, added)

    assert await claim_ids(world.storage) == ["c0", "c1", "c2", "c3", "c4"], "a child waits for ever"


@case("V1", "Q12")
async def parents_that_end_at_once_free_their_child_once(world: World) -> None:
    await add(world.storage, *[f"p{number}" for number in range(6)])
    await add(world.storage, "child", after=tuple(Edge(f"p{number}") for number in range(6)))
    parents = await claim(world.storage, limit=6)
    async with world.second() as second:
        await gather(
            *[settle((world.storage, second)[n % 2], job, "complete") for n, job in enumerate(parents)]
        )

    job = await claim_one(world.storage)
    assert (job.id, job.attempt, job.fence) == ("child", 1, 1), job


@case("V2")
async def one_signal_from_two_senders_is_taken_once(world: World) -> None:
    await add(world.storage, "a")
    async with world.second() as second:
        sent = await gather(
            *[
                storage.signal([Signal("a", "go", f"{n}", "same")])
                for n, storage in enumerate((world.storage, second) * 3)
            ]
        )

    assert Counter(verdict for (verdict,) in sent) == {"ok": 1, "duplicate": 5}, sent


@case("R11", "R7")
async def two_cleaners_share_the_work(world: World) -> None:
    names = [f"{number:02d}" for number in range(30)]
    await world.storage.add([new_job(name) for name in names])

    async def cancel_all(storage: Storage) -> list[str]:
        changed: list[str] = []
        while batch := await storage.alter(Filter(states=("pending",)), "cancel", limit=4):
            changed += batch
        return changed

    async with world.second() as second:
        changed = await gather(cancel_all(world.storage), cancel_all(second))

    assert sorted([*changed[0], *changed[1]]) == names, changed
    assert set(await states(world.storage, *names)) == {"cancelled"}, await query_ids(
        world.storage, states=("pending",)
    )


async def follow(storage: Storage, cursor: Cursor, until: int) -> list[Change]:
    """What a client does: read after each hint, until so many jobs have completed."""
    seen: dict[tuple[str, int], Change] = {}
    async with listening(storage) as hints:
        while sum(change.kind == "completed" for change in seen.values()) < until:
            await anext(hints)
            page = await storage.changes(cursor, limit=7)
            while page.items:
                seen |= {(change.job_id, change.revision): change for change in page.items}
                page = await storage.changes(page.cursor, limit=7)
            cursor = page.cursor
    return list(seen.values())


@case("C1", "C9", "Q12")
async def a_follower_misses_nothing_while_several_write(world: World) -> None:
    cursor = await head(world.storage)

    async def produce(storage: Storage, name: str) -> None:
        for number in range(8):
            await settle(storage, await added_and_claimed(storage, f"{name}{number}"), "complete")

    async with world.second() as second:
        writers = [
            produce(storage, name) for storage, name in zip((world.storage, second) * 2, "abcd", strict=True)
        ]
        followers = gather(follow(world.storage, cursor, 32), follow(second, cursor, 32))
        lives_told, _ = await in_time(gather(followers, gather(*writers)))

    for seen in lives_told:
        lives: dict[str, list[str]] = {}
        for change in seen:
            lives.setdefault(change.job_id, []).append(change.kind)
        assert len(lives) == 32, lives
        assert set(map(tuple, lives.values())) == {("added", "started", "completed")}, lives


@case("C1")
async def both_openings_see_the_changes_in_one_order(world: World) -> None:
    cursor = await head(world.storage)
    async with world.second() as second:
        await gather(*[add(storage, f"{n:02d}") for n, storage in enumerate((world.storage, second) * 10)])
        pages = [await storage.changes(cursor, limit=100) for storage in (world.storage, second)]

    orders = [[change.job_id for change in page.items] for page in pages]
    assert orders[0] == orders[1], orders
    assert len(set(orders[0])) == 20, orders


@case("V1", "V2")
async def a_crowd_of_waiting_jobs_runs_dry(world: World) -> None:
    layers = [[f"{layer}{number}" for number in range(6)] for layer in "abcd"]
    await add(world.storage, *layers[0])
    for above, below in zip(layers, layers[1:], strict=False):
        await add(world.storage, *below, after=tuple(map(Edge, above)))

    async def run_dry(storage: Storage, order: list[str]) -> None:
        while len(order) < 24:
            for job in await claim(storage, limit=2):
                order.append(job.id)
                await settle(storage, job, "complete")

    order: list[str] = []
    async with world.second() as second:
        await in_time(gather(run_dry(world.storage, order), run_dry(second, order)))

    assert len(set(order)) == 24, order
    assert [name[0] for name in order] == sorted(name[0] for name in order), order


@case("C5", "Q3")
async def a_reader_beside_writers_misses_no_job(world: World) -> None:
    names = [f"{number:02d}" for number in range(20)]
    await add(world.storage, *names)

    async def read() -> list[list[str]]:
        return [
            sorted(row.id for row in (await world.storage.query(Filter(), limit=99))[0]) for _ in range(10)
        ]

    async with world.second() as second:
        seen, counts, _ = await gather(
            read(),
            gather(*[world.storage.count(Filter()) for _ in range(10)]),
            gather(*[claim(second, limit=2) for _ in range(10)]),
        )

    assert all(ids == names for ids in seen), "a job that was being claimed looked missing"
    assert all(count == {(): 20} for count in counts), counts
