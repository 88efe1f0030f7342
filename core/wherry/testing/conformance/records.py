"""Records: small named values under compare and swap."""

from __future__ import annotations

from wherry.messages import Record, RecordWrite
from wherry.testing.conformance.builders import changes_since, head, read, record, write
from wherry.testing.conformance.world import World, case


@case("D2", "R16")
async def a_record_is_made_changed_and_deleted(world: World) -> None:
    storage = world.storage
    steps = [
        (await write(storage, "a", '"one"', expected=0), await read(storage)),
        (await write(storage, "a", '"two"', expected=1), await read(storage)),
        (await write(storage, "a", None, expected=2), await read(storage)),
    ]

    assert steps == [(True, [("a", 1, '"one"')]), (True, [("a", 2, '"two"')]), (True, [])], steps


@case("D3")
async def a_write_that_expects_another_version_changes_nothing(world: World) -> None:
    await write(world.storage, "a", "1", expected=0)
    await write(world.storage, "a", "2", expected=1)

    refused = [await write(world.storage, "a", value, expected=n) for n in (0, 1, 3) for value in ("9", None)]
    missing = await write(world.storage, "b", "9", expected=1)

    assert (refused, missing) == ([False] * 6, False), (refused, missing)
    assert await read(world.storage) == [("a", 2, "2")], await read(world.storage)


@case("D2")
async def a_write_without_expectation_takes_whatever_stands(world: World) -> None:
    written = [await write(world.storage, "a", value, expected=None) for value in ("1", "2", None, None, "3")]

    assert written == [True] * 5, written
    assert await read(world.storage) == [("a", 1, "3")], await read(world.storage)


@case("D2")
async def a_deleted_key_starts_again_at_one(world: World) -> None:
    for value, expected in (("1", 0), ("2", 1), (None, 2), ("3", 0)):
        assert await write(world.storage, "a", value, expected=expected), (value, expected)

    assert await read(world.storage) == [("a", 1, "3")], await read(world.storage)


@case("D3", "Q8")
async def writes_of_one_call_are_all_or_none(world: World) -> None:
    await write(world.storage, "a", "1", expected=0)
    await write(world.storage, "b", "1", expected=0)

    refused = await world.storage.write(
        [RecordWrite("k", "a", 1, "2"), RecordWrite("k", "c", 0, "2"), RecordWrite("k", "b", 7, None)]
    )
    before = await read(world.storage)
    taken = await world.storage.write(
        [RecordWrite("k", "a", 1, None), RecordWrite("k", "c", 0, "2"), RecordWrite("other", "a", 0, "3")]
    )

    assert (refused, before) == (False, [("a", 1, "1"), ("b", 1, "1")]), (refused, before)
    assert (taken, await read(world.storage)) == (True, [("b", 1, "1"), ("c", 1, "2")]), taken
    assert await read(world.storage, "other") == [("a", 1, "3")], await read(world.storage, "other")


@case("D3")
async def a_repeated_swap_does_not_write_twice(world: World) -> None:
    await write(world.storage, "a", "1", expected=0)

    first, second = [await write(world.storage, "a", "2", expected=1) for _ in range(2)]

    assert (first, second) == (True, False), (first, second)
    assert await read(world.storage) == [("a", 2, "2")], await read(world.storage)


@case("T11")
async def a_record_comes_back_as_it_is(world: World) -> None:
    await write(world.storage, "schlüssel", "[1]", expected=0, kind="manifest")

    found = await record(world.storage, "manifest", "schlüssel")

    assert found == Record("manifest", "schlüssel", 1, "[1]"), found


@case("D2", "G12")
async def records_are_read_by_key_in_code_point_order(world: World) -> None:
    keys = ["b", "a", "B", "\U0001f600", "\uff5e", "é", "a/b", "a b", "10", "9", "e\u0301"]
    for key in keys:
        assert await write(world.storage, key, "1", expected=0), key

    found = [key for key, _, _ in await read(world.storage)]

    assert found == sorted(keys), found


@case("D2")
async def a_prefix_is_text_and_no_pattern(world: World) -> None:
    for key in ("a_1", "ab1", "A_1", "a%1", "a_", "a*", "a[b]", "ä_1", "a\\_1", "\U0010ffff1"):
        await write(world.storage, key, "1", expected=0)
    wanted = {
        "a_": ["a_", "a_1"], "a%": ["a%1"], "A": ["A_1"], "a*": ["a*"], "a[": ["a[b]"], "ä": ["ä_1"],
        "zz": [], "\U0010ffff": ["\U0010ffff1"], "a\\": ["a\\_1"], "a_1": ["a_1"],
    }  # fmt: skip

    found = {prefix: [key for key, _, _ in await read(world.storage, prefix=prefix)] for prefix in wanted}

    assert found == wanted, found


@case("D2")
async def kinds_do_not_mix(world: World) -> None:
    await write(world.storage, "a", "1", expected=0, kind="one")
    await write(world.storage, "a", "2", expected=0, kind="two")

    found = [await read(world.storage, kind) for kind in ("one", "two", "on", "ONE")]

    assert found == [[("a", 1, "1")], [("a", 1, "2")], [], []], found


@case("D2")
async def records_are_not_in_the_feed_of_jobs(world: World) -> None:
    cursor = await head(world.storage)

    await write(world.storage, "a", "1", expected=0)

    assert await changes_since(world.storage, cursor) == [], "told as a change of a job"


@case("D2", "Q1")
async def a_second_opening_sees_the_records(world: World) -> None:
    await write(world.storage, "a", "1", expected=0)
    async with world.second() as second:
        theirs = await read(second)
        await write(second, "a", "2", expected=1)

    assert theirs == [("a", 1, "1")], theirs
    assert await read(world.storage) == [("a", 2, "2")], await read(world.storage)
