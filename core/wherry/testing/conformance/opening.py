"""One store opened several times, and what it says of itself."""

from __future__ import annotations

from typing import get_args, get_type_hints

from wherry.messages import Capabilities, Filter
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim_ids,
    claim_one,
    head,
    in_time,
    listening,
    query_ids,
    read,
    row,
    settle,
    states,
    write,
)
from wherry.testing.conformance.world import World, case


@case("G9")
async def a_store_says_where_it_is_and_what_it_can(world: World) -> None:
    can = world.storage.capabilities

    assert isinstance(can, Capabilities), can
    assert can.max_payload >= 2**20, can
    assert ":" in world.storage.url, world.storage.url
    assert "token" not in world.storage.url, world.storage.url


@case("Q1", "C1")
async def a_second_opening_works_on_the_same_jobs(world: World) -> None:
    await add(world.storage, "a", "b")
    async with world.second() as second:
        theirs = await claim_one(second)
        ours = await claim_one(world.storage)
        crossed = [
            await settle(world.storage, theirs, "complete", output='"theirs"'),
            await settle(second, ours, "complete", output='"ours"'),
        ]
        seen = [(await row(storage, "a")).output for storage in (world.storage, second)]

    assert [theirs.id, ours.id] == ["a", "b"], (theirs, ours)
    assert (crossed, seen) == (["ok", "ok"], ['"theirs"'] * 2), (crossed, seen)


@case("Q1")
async def what_another_opening_left_behind_stays(world: World) -> None:
    cursor = await head(world.storage)
    async with world.second() as second:
        await add(second, "a")
        await added_and_claimed(second, "b")
        await write(second, "kept", "1", expected=0)

    assert await states(world.storage, "a", "b") == ["pending", "running"], await query_ids(world.storage)
    assert await read(world.storage) == [("kept", 1, "1")], await read(world.storage)
    kinds = [change.kind for change in await changes_since(world.storage, cursor)]
    assert kinds == ["added", "added", "started"], kinds


@case("B2", "Q1")
async def openings_come_and_go(world: World) -> None:
    for number in range(3):
        async with world.second() as second:
            await add(second, f"{number}")
            assert await second.count(Filter()) == {(): number + 1}, number

    assert await claim_ids(world.storage) == ["0", "1", "2"], await query_ids(world.storage)


@case("R3")
async def a_fork_is_the_same_store(world: World) -> None:
    await add(world.storage, "a")
    async with world.storage.fork() as fork:
        job = await claim_one(fork)
        await add(fork, "b")
        verdict = await settle(world.storage, job, "complete")

    assert verdict == "ok", verdict
    assert await states(world.storage, "a", "b") == ["completed", "pending"], await query_ids(world.storage)


@case("G9")
async def a_store_says_only_what_is_in_the_words_of_the_contract(world: World) -> None:
    can, hints = world.storage.capabilities, get_type_hints(Capabilities)

    for name in ("feed", "atomic", "clock", "durability", "shared"):
        assert getattr(can, name) in get_args(hints[name]), (name, getattr(can, name))
    assert {type(can.priority), type(can.limits)} == {bool}, can


@case("C1", "C4")
async def every_opening_has_the_same_name_of_its_own(world: World) -> None:
    name = world.storage.store_id
    async with world.second() as second, world.storage.fork() as fork:
        others = [second.store_id, fork.store_id]

    assert name, "an entered store has a name"
    assert others == [name, name], (name, others)
    assert name in await head(world.storage), "the cursors of its feed are its own"


@case("C9", "R3")
async def leaving_a_fork_takes_no_listener_with_it(world: World) -> None:
    async with listening(world.storage) as hints:
        await in_time(anext(hints))
        async with world.storage.fork() as fork:
            await add(fork, "a")
        cursor = await head(world.storage)
        await add(world.storage, "b")

        await in_time(anext(hints))
        while not (told := await changes_since(world.storage, cursor)):
            await in_time(anext(hints))

    assert [change.job_id for change in told] == ["b"], told
