"""`get`, `query` and `count`."""

from __future__ import annotations

from wherry.messages import Filter
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    claim,
    claim_one,
    new_job,
    query_ids,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case


async def walk(storage: Storage, where: Filter, limit: int) -> list[str]:
    """Ids of all pages."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        rows, cursor = await storage.query(where, limit=limit, cursor=cursor)
        assert len(rows) <= limit, rows
        found += [one.id for one in rows]
        if cursor is None:
            return found


async def add_a_variety(storage: Storage) -> None:
    await storage.add(
        [
            new_job("a", queue="x", run_id="r1", tags=("red", "big"), fingerprint="f1"),
            new_job("b", queue="y", run_id="r1", tags=("red",), task="u"),
            new_job("c", queue="x", run_id="r2", tags=("big",), fingerprint="f2"),
            new_job("d", namespace="other", fingerprint="f1", tags=("redbig",)),
        ]
    )
    await settle(storage, await claim_one(storage, ids=("c",)), "complete")


@case("C5")
async def get_gives_the_jobs_that_exist(world: World) -> None:
    await add(world.storage, "a", "b", "c")

    found = await world.storage.get(["c", "nobody", "a", "c"])

    assert set(found) == {"a", "c"}, found
    assert [found[name].id for name in ("a", "c")] == ["a", "c"], found


@case("C5")
async def query_gives_the_newest_first_unless_asked_otherwise(world: World) -> None:
    await add(world.storage, "b", "c", "a")

    newest, oldest = await query_ids(world.storage), await query_ids(world.storage, oldest_first=True)

    assert (newest, oldest) == (["c", "b", "a"], ["a", "b", "c"]), (newest, oldest)


@case("C5", "T6")
async def query_gives_the_same_rows_as_get(world: World) -> None:
    await add_a_variety(world.storage)
    await claim_one(world.storage, ids=("a",))

    rows, _ = await world.storage.query(Filter(), limit=9)

    known = await world.storage.get(["a", "b", "c", "d"])
    assert {one.id: one for one in rows} == dict(known), rows


@case("C5", "C7")
async def each_part_of_a_filter_narrows(world: World) -> None:
    await add_a_variety(world.storage)
    wanted: list[tuple[Filter, str]] = [
        (Filter(), "abcd"),
        (Filter(namespaces=("n",)), "abc"),
        (Filter(namespaces=("n", "other")), "abcd"),
        (Filter(ids=("b", "nobody", "d")), "bd"),
        (Filter(states=("completed",)), "c"),
        (Filter(states=("pending", "running")), "abd"),
        (Filter(queues=("x",)), "ac"),
        (Filter(tasks=("u", "v")), "b"),
        (Filter(run_id="r1"), "ab"),
        (Filter(fingerprint="f1"), "ad"),
        (Filter(tags=("red",)), "ab"),
        (Filter(tags=("big", "red")), "a"),
        (Filter(namespaces=("n",), fingerprint="f1", queues=("x",), states=("pending",)), "a"),
    ]
    for where, ids in wanted:
        found = [one.id for one in (await world.storage.query(where, limit=9))[0]]
        assert sorted(found) == list(ids), (where, found)
        assert await world.storage.count(where) == {(): len(ids)}, where


@case("C5")
async def a_list_of_nothing_matches_nothing(world: World) -> None:
    await add_a_variety(world.storage)

    for where in (Filter(ids=()), Filter(states=()), Filter(queues=()), Filter(tasks=())):
        rows, cursor = await world.storage.query(where, limit=9)
        assert (list(rows), cursor) == ([], None), (where, rows)
        assert await world.storage.count(where) in ({}, {(): 0}), where


@case("R11")
async def finished_for_counts_from_the_end_of_the_job(world: World) -> None:
    await add(world.storage, "a", "b", "c")
    await settle(world.storage, await claim_one(world.storage), "complete")
    world.clock.advance(1000)
    await settle(world.storage, await claim_one(world.storage), "fail")

    found = [
        await query_ids(world.storage, finished_for_ms=age_ms, oldest_first=True)
        for age_ms in (0, 1000, 1001)
    ]

    assert found == [["a", "b"], ["a"], []], found
    failed = await query_ids(world.storage, finished_for_ms=0, states=("failed",))
    assert failed == ["b"], failed


@case("C5")
async def a_walk_in_pages_meets_every_job_once(world: World) -> None:
    names = [f"{number:02d}" for number in range(11)]
    await add(world.storage, *names, queue="wanted")
    await add(world.storage, *[f"{name}x" for name in names], queue="other")

    for limit in (1, 4, 11, 100):
        where = Filter(queues=("wanted",))
        newest = await walk(world.storage, where, limit)
        oldest = await walk(world.storage, Filter(queues=("wanted",), oldest_first=True), limit)
        assert (newest, oldest) == (names[::-1], names), (limit, newest, oldest)


@case("C5")
async def a_walk_meets_every_job_once_while_others_come_and_go(world: World) -> None:
    names = [f"{number:02d}" for number in range(0, 20, 2)]
    await add(world.storage, *names)
    await settle(world.storage, await claim_one(world.storage, ids=("14",)), "complete")
    first, cursor = await world.storage.query(Filter(), limit=3)

    await add(world.storage, "01", "13", "19", "99")
    await world.storage.alter(Filter(ids=("14",)), "remove", limit=1)
    await claim(world.storage, limit=9)
    rest: list[str] = []
    while cursor is not None:
        rows, cursor = await world.storage.query(Filter(), limit=3, cursor=cursor)
        rest += [one.id for one in rows]

    met = [one.id for one in first] + rest
    assert [name for name in met if name in names and name != "14"] == [
        n for n in names[::-1] if n != "14"
    ], met
    assert len(met) == len(set(met)), met


@case("C5")
async def count_groups_by_the_fields_in_order(world: World) -> None:
    await add_a_variety(world.storage)

    by_state = await world.storage.count(Filter(), by=("state",))
    by_both = await world.storage.count(Filter(namespaces=("n",)), by=("queue", "state"))
    by_task = await world.storage.count(Filter(), by=("task",))

    assert by_state == {("pending",): 3, ("completed",): 1}, by_state
    assert by_both == {("x", "pending"): 1, ("x", "completed"): 1, ("y", "pending"): 1}, by_both
    assert by_task == {("t",): 3, ("u",): 1}, by_task


@case("C5", "R15")
async def what_is_due_later_is_pending_all_the_same(world: World) -> None:
    await add(world.storage, "a", delay_ms=1000)
    await add(world.storage, "b")
    await added_and_claimed(world.storage, "c")

    counts = await world.storage.count(Filter(), by=("state",))

    assert counts == {("pending",): 2, ("running",): 1}, counts
    assert (await row(world.storage, "a")).state == "pending", await row(world.storage, "a")


@case("C5", "T8")
async def a_filter_takes_any_text(world: World) -> None:
    odd = ("it's", 'a "quote"', "%", "_", "ü", "a,b", "[1]", "\\", "")
    await world.storage.add(
        [new_job(f"{n}", tags=(text,), queue=text, run_id=text) for n, text in enumerate(odd)]
    )

    for number, text in enumerate(odd):
        for where in (Filter(tags=(text,)), Filter(queues=(text,)), Filter(run_id=text)):
            found = [one.id for one in (await world.storage.query(where, limit=99))[0]]
            assert found == [f"{number}"], (where, found)


@case("C5", "J1")
async def nothing_is_given_or_changed_where_nothing_is_asked_for(world: World) -> None:
    await add(world.storage, "a", "b")

    rows, cursor = await world.storage.query(Filter(), limit=0)
    changed = await world.storage.alter(Filter(), "cancel", limit=0)
    claimed = await claim(world.storage, limit=0)

    assert (list(rows), cursor, list(changed), list(claimed)) == ([], None, [], []), (rows, cursor, changed)
    assert await world.storage.count(Filter(states=("pending",))) == {(): 2}, await query_ids(world.storage)
