"""The feed of changes, and the hints that there may be new ones."""

from __future__ import annotations

from wherry.messages import Changes, Cursor, Edge, Filter, Report
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim,
    claim_one,
    head,
    in_time,
    listening,
    new_job,
    row,
    settle,
    settlement,
)
from wherry.testing.conformance.world import World, case


@case("C1")
async def the_empty_cursor_is_the_head(world: World) -> None:
    await add(world.storage, "a")

    page = await world.storage.changes(Cursor(""), limit=10)

    assert (list(page.items), page.resync) == ([], False), page
    assert page.cursor, page
    await add(world.storage, "b")
    assert [change.job_id for change in await changes_since(world.storage, page.cursor)] == ["b"], (
        "since then"
    )


@case("C6")
async def every_turn_in_the_life_of_a_job_is_told(world: World) -> None:
    storage, cursor = world.storage, await head(world.storage)
    await add(storage, "a")
    job = await claim_one(storage)
    await storage.report([Report("a", job.fence, 50)])
    await settle(storage, job, "retry")
    await settle(storage, await claim_one(storage), "release")
    job = await claim_one(storage)
    await storage.alter(Filter(), "cancel", limit=1)
    await settle(storage, job, "cancel")

    told = await changes_since(storage, cursor)

    assert [change.kind for change in told] == [
        "added", "started", "progress", "retrying", "started", "released",
        "started", "cancelling", "cancelled",
    ], told  # fmt: skip
    assert [change.revision for change in told] == list(range(1, 10)), told
    assert (await row(storage, "a")).revision == 9, await row(storage, "a")


@case("C6", "Q9")
async def a_job_that_is_there_already_tells_nothing(world: World) -> None:
    await add(world.storage, "a", "b", queue="known")
    cursor = await head(world.storage)

    verdicts = [
        *await add(world.storage, "a", "b", queue="known"),
        *await add(world.storage, "b", "a", queue="other", tags=("x",)),
    ]

    assert verdicts == ["duplicate"] * 4, verdicts
    assert await head(world.storage) == cursor, "nothing was committed"


@case("C6")
async def every_end_is_told_by_its_name(world: World) -> None:
    cursor = await head(world.storage)
    for kind in ("complete", "fail", "cancel", "disable"):
        await settle(world.storage, await added_and_claimed(world.storage, kind), kind)
    await add(world.storage, "p", "q")
    await world.storage.alter(Filter(ids=("p",)), "cancel", limit=1)
    await world.storage.alter(Filter(ids=("q",)), "disable", limit=1)

    ends = [
        (change.job_id, change.kind)
        for change in await changes_since(world.storage, cursor)
        if change.kind not in ("added", "started")
    ]

    assert ends == [
        ("complete", "completed"), ("fail", "failed"), ("cancel", "cancelled"), ("disable", "disabled"),
        ("p", "cancelled"), ("q", "disabled"),
    ], ends  # fmt: skip


@case("C6", "C7")
async def a_change_names_its_namespace_and_lane(world: World) -> None:
    cursor = await head(world.storage)
    await add(world.storage, "a", namespace="tenant", queue="mail", task="mail.send")

    (change,) = await changes_since(world.storage, cursor)

    assert change == ("a", "tenant", "added", 1, "mail/mail.send"), change


@case("C8", "C1")
async def a_job_put_back_is_told(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "fail")
    before, cursor = await row(world.storage, "a"), await head(world.storage)

    await world.storage.alter(Filter(), "requeue", limit=1)

    told = [change[0::2] for change in await changes_since(world.storage, cursor)]
    assert told == [("a", "released", "q/t")], told
    assert (await row(world.storage, "a")).revision == before.revision + 1, await row(world.storage, "a")


@case("C1", "Q12")
async def a_transaction_is_told_whole(world: World) -> None:
    cursor = await head(world.storage)
    await add(world.storage, "a", "b", "c")
    await add(world.storage, "d")

    first = await world.storage.changes(cursor, limit=1)
    second = await world.storage.changes(first.cursor, limit=1)

    assert [change.job_id for change in first.items] == ["a", "b", "c"], first
    assert [change.job_id for change in second.items] == ["d"], second


@case("Q12", "V1")
async def an_end_and_what_it_frees_are_told_together(world: World) -> None:
    job = await added_and_claimed(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),))
    cursor = await head(world.storage)
    await world.storage.exchange([settlement(job, "complete")], None)

    page = await world.storage.changes(cursor, limit=1)

    assert {change.job_id for change in page.items} == {"p", "child"}, page


@case("C1")
async def pages_of_the_feed_are_short_and_lose_nothing(world: World) -> None:
    cursor = await head(world.storage)
    names = [f"{number:02d}" for number in range(25)]
    for name in names:
        await add(world.storage, name)
    pages: list[Changes] = []
    while not pages or pages[-1].items:
        pages.append(await world.storage.changes(cursor, limit=10))
        cursor = pages[-1].cursor

    assert [change.job_id for page in pages for change in page.items] == names, pages
    assert all(len(page.items) <= 10 for page in pages), [len(page.items) for page in pages]


@case("C1")
async def a_cursor_stays_good_when_read_again(world: World) -> None:
    cursor = await head(world.storage)
    await add(world.storage, "a")

    first, second = await changes_since(world.storage, cursor), await changes_since(world.storage, cursor)

    assert first == second, (first, second)
    assert [change.job_id for change in first] == ["a"], first


@case("C1", "C4")
async def a_cursor_of_another_store_asks_to_read_state_again(world: World) -> None:
    await add(world.storage, "a")
    good = await head(world.storage)

    for stranger in ("elsewhere:1", "1", "x", "ü", "999999999999", f"{good}9999", f"{good}x", "0:0", "-1"):
        page = await world.storage.changes(Cursor(stranger), limit=10)

        assert (list(page.items), page.resync) == ([], True), (stranger, page)
        await add(world.storage, f"after {stranger}")
        told = [change.job_id for change in await changes_since(world.storage, page.cursor)]
        assert told == [f"after {stranger}"], "the answer holds the head"


@case("C1")
async def a_second_opening_reads_the_same_feed(world: World) -> None:
    cursor = await head(world.storage)
    async with world.second() as second:
        await add(second, "a")
        theirs = await changes_since(second, cursor)

    ours = await changes_since(world.storage, cursor)

    assert [change.job_id for change in ours] == ["a"], ours
    assert ours == theirs, (ours, theirs)


@case("C9", "R15")
async def a_listener_is_told_that_it_is_set_up_and_then_of_changes(world: World) -> None:
    async with listening(world.storage) as hints:
        await in_time(anext(hints))
        cursor = await head(world.storage)
        await add(world.storage, "a")

        while not (told := await changes_since(world.storage, cursor)):
            await in_time(anext(hints))

    assert [change.job_id for change in told] == ["a"], told


@case("C9", "C1")
async def a_listener_hears_of_another_opening(world: World) -> None:
    async with world.second() as second, listening(world.storage) as hints:
        await in_time(anext(hints))
        cursor = await head(world.storage)
        for number in range(3):
            await add(second, f"{number}")
            while not (told := await changes_since(world.storage, cursor)):
                await in_time(anext(hints))
            cursor = await head(world.storage)
            assert [change.job_id for change in told] == [f"{number}"], told


@case("C9")
async def what_happens_between_two_hints_is_not_missed(world: World) -> None:
    async with listening(world.storage) as hints:
        await in_time(anext(hints))
        cursor = await head(world.storage)
        await world.storage.add([new_job("a"), new_job("b")])
        await claim(world.storage, limit=2)

        await in_time(anext(hints))
        told = await changes_since(world.storage, cursor)
        while len(told) < 4:
            await in_time(anext(hints))
            told = await changes_since(world.storage, cursor)

    assert [change.kind for change in told] == ["added", "added", "started", "started"], told


@case("C9")
async def a_closed_listener_ends_and_others_go_on(world: World) -> None:
    async with listening(world.storage) as kept:
        async with listening(world.storage) as closed:
            await in_time(anext(closed))
            await in_time(anext(kept))
        cursor = await head(world.storage)
        await add(world.storage, "a")

        while not (told := await changes_since(world.storage, cursor)):
            await in_time(anext(kept))

    assert [change.job_id for change in told] == ["a"], told
