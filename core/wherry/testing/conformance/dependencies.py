"""Jobs that wait for other jobs."""

from __future__ import annotations

from itertools import product

from wherry.messages import Edge, Filter, OnFailure, SettleKind
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    ENDS,
    add,
    added_and_claimed,
    asking,
    changes_since,
    claim_ids,
    claim_one,
    head,
    new_job,
    query_ids,
    row,
    settle,
    settlement,
    states,
)
from wherry.testing.conformance.world import World, case


async def run_to(storage: Storage, id: str, kind: SettleKind) -> None:
    """Claim a job that is due and settle it."""
    await settle(storage, await claim_one(storage, ids=(id,)), kind)


@case("V1")
async def a_child_waits_until_every_parent_is_done(world: World) -> None:
    await add(world.storage, "p1", "p2")
    await add(world.storage, "child", after=(Edge("p1"), Edge("p2")))
    waiting = [(await row(world.storage, "child")).waiting_for]
    await run_to(world.storage, "p2", "complete")
    waiting.append((await row(world.storage, "child")).waiting_for)
    blocked = await states(world.storage, "child"), await claim_ids(world.storage, ids=("child",))

    await run_to(world.storage, "p1", "complete")

    assert blocked == (["blocked"], []), blocked
    found = await row(world.storage, "child")
    assert ([*waiting, found.waiting_for], found.state) == ([2, 1, 0], "pending"), (waiting, found)
    assert await claim_ids(world.storage) == ["child"], "not freed"


@case("V1")
async def a_parent_may_stand_earlier_in_the_same_call(world: World) -> None:
    added = await world.storage.add(
        [new_job("a"), new_job("b", after=(Edge("a"),)), new_job("c", after=(Edge("a"), Edge("b")))]
    )

    assert [one.verdict for one in added] == ["ok"] * 3, added
    order: list[str] = []
    while found := await claim_ids(world.storage, limit=1):
        order += found
        job = await row(world.storage, found[0])
        await settle(world.storage, job, "complete")
    assert order == ["a", "b", "c"], order


@case("V1")
async def an_unknown_parent_refuses_its_child_alone(world: World) -> None:
    added = await world.storage.add(
        [
            new_job("self", after=(Edge("self"),)),
            new_job("early", after=(Edge("late"),)),
            new_job("late"),
            new_job("orphan", after=(Edge("late"), Edge("nobody", "run"))),
            new_job("grandchild", after=(Edge("orphan"),)),
        ]
    )

    verdicts = [one.verdict for one in added]
    assert verdicts == ["refused", "refused", "ok", "refused", "refused"], added
    assert await query_ids(world.storage) == ["late"], "a refused job was stored"


@case("V1")
async def a_parent_that_is_done_already_is_not_waited_for(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "p"), "complete")

    await add(world.storage, "child", after=(Edge("p"),))

    assert await states(world.storage, "child") == ["pending"], await row(world.storage, "child")
    assert await claim_ids(world.storage) == ["child"], "not due"


@case("V1", "Q12")
async def a_freed_child_can_be_claimed_in_the_same_exchange(world: World) -> None:
    job = await added_and_claimed(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),))

    exchanged = await world.storage.exchange([settlement(job, "complete")], asking())

    assert [one.id for one in exchanged.jobs] == ["child"], exchanged


@case("V1", "C1")
async def a_freed_child_is_told(world: World) -> None:
    job = await added_and_claimed(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),))
    before, cursor = await row(world.storage, "child"), await head(world.storage)

    await settle(world.storage, job, "complete")

    told = [(change.job_id, change.revision) for change in await changes_since(world.storage, cursor)]
    assert ("child", before.revision + 1) in told, told
    assert (await row(world.storage, "child")).revision == before.revision + 1, await row(
        world.storage, "child"
    )


@case("V1", "R15")
async def a_freed_child_keeps_its_due_time(world: World) -> None:
    await add(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),), delay_ms=1000)
    await run_to(world.storage, "p", "complete")

    early = await claim_ids(world.storage)
    world.clock.advance(1000)

    assert early == [], early
    assert await claim_ids(world.storage) == ["child"], "not claimed when due"


@case("V1")
async def a_parent_that_fails_dooms_its_child(world: World) -> None:
    ends: tuple[SettleKind, ...] = ("fail", "cancel", "disable")
    policies: tuple[OnFailure, ...] = ("fail", "cancel")
    for kind, policy in product(ends, policies):
        parent, child = f"p-{kind}-{policy}", f"c-{kind}-{policy}"
        await add(world.storage, parent)
        await add(world.storage, child, after=(Edge(parent, policy),))
        await run_to(world.storage, parent, kind)

        found = await row(world.storage, child)
        assert (found.doomed, found.lapse, found.state) == (policy, "doomed", "blocked"), (kind, found)

    assert await claim_ids(world.storage) == [], "a doomed job ran"
    assert len(await query_ids(world.storage, lapsed=True)) == 6, "the sweeper does not find them"


@case("V1")
async def a_parent_that_failed_before_dooms_its_child_too(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "p"), "fail")

    for edge in ("fail", "cancel"):
        verdicts = await add(world.storage, edge, after=(Edge("p", edge),))

        found = await row(world.storage, edge)
        assert (verdicts, found.doomed, found.lapse) == (["ok"], edge, "doomed"), (verdicts, found)
        assert found.state == "blocked", found
    assert await claim_ids(world.storage) == [], "a doomed job ran"


@case("V1")
async def a_child_that_runs_anyway_is_freed_by_a_failure(world: World) -> None:
    anyway: OnFailure = "run"
    await settle(world.storage, await added_and_claimed(world.storage, "before"), "fail")
    await add(world.storage, "p", "q")
    await add(world.storage, "child", after=(Edge("before", anyway), Edge("p", anyway), Edge("q", anyway)))
    await world.storage.alter(Filter(ids=("p",)), "cancel", limit=1)

    await run_to(world.storage, "q", "fail")

    assert await claim_ids(world.storage) == ["child"], await row(world.storage, "child")


@case("V1")
async def a_doomed_child_is_not_freed_by_its_other_parents(world: World) -> None:
    await add(world.storage, "p", "q")
    await add(world.storage, "child", after=(Edge("p"), Edge("q")))
    await run_to(world.storage, "p", "fail")

    await run_to(world.storage, "q", "complete")

    found = await row(world.storage, "child")
    assert (found.doomed, found.lapse) == ("fail", "doomed"), found
    assert await claim_ids(world.storage) == [], "a doomed job ran"


@case("V1", "R6")
async def a_doomed_child_is_settled_as_lapsed_and_dooms_its_own(world: World) -> None:
    await add(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),))
    await add(world.storage, "grandchild", after=(Edge("child", "cancel"),))
    await run_to(world.storage, "p", "fail")
    child = await row(world.storage, "child")

    verdict = await settle(world.storage, child, "fail", error='"parent"', if_lapsed=True)

    found = await row(world.storage, "grandchild")
    assert (verdict, await states(world.storage, "child")) == ("ok", ["failed"]), verdict
    assert (found.doomed, found.lapse) == ("cancel", "doomed"), found


@case("V1", "C8")
async def a_doomed_child_that_is_put_back_runs(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "p"), "fail")
    await add(world.storage, "child", after=(Edge("p"),))
    await settle(world.storage, await row(world.storage, "child"), "fail", if_lapsed=True)

    await world.storage.alter(Filter(ids=("child",)), "requeue", limit=1)

    found = await row(world.storage, "child")
    assert (found.state, found.lapse, found.doomed) == ("pending", None, None), found
    assert await claim_ids(world.storage) == ["child"], "not due"


@case("V1", "C8")
async def a_child_that_was_put_back_is_left_alone_by_its_parents(world: World) -> None:
    for kind in ENDS:
        await add(world.storage, f"p-{kind}", f"q-{kind}")
        await add(world.storage, kind, after=(Edge(f"p-{kind}"), Edge(f"q-{kind}")))
        await run_to(world.storage, f"p-{kind}", "fail")
        await settle(world.storage, await row(world.storage, kind), "fail", if_lapsed=True)
        await world.storage.alter(Filter(ids=(kind,)), "requeue", limit=1)
        job, waiting_for = (
            await claim_one(world.storage, ids=(kind,)),
            (await row(world.storage, kind)).waiting_for,
        )

        await run_to(world.storage, f"q-{kind}", kind)

        found = await row(world.storage, kind)
        assert (found.state, found.fence, found.lapse) == ("running", job.fence, None), (kind, found)
        assert (waiting_for, found.waiting_for) == (0, 0), (kind, waiting_for, found)


@case("V1")
async def a_parent_that_is_tried_again_frees_nobody(world: World) -> None:
    await add(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),))
    for kind in ("retry", "snooze", "release"):
        await run_to(world.storage, "p", kind)
        assert await states(world.storage, "child") == ["blocked"], kind

    await world.storage.alter(Filter(ids=("p",)), "cancel", limit=1)

    assert (await row(world.storage, "child")).lapse == "doomed", "a cancelled parent dooms"


@case("V1")
async def a_parent_named_twice_is_waited_for_once(world: World) -> None:
    await add(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"), Edge("p")))

    await run_to(world.storage, "p", "complete")

    assert await claim_ids(world.storage) == ["child"], await row(world.storage, "child")


@case("V1", "R7")
async def a_cancelled_child_is_not_brought_back_by_its_parent(world: World) -> None:
    await add(world.storage, "p")
    await add(world.storage, "child", after=(Edge("p"),))
    await world.storage.alter(Filter(ids=("child",)), "cancel", limit=1)

    await run_to(world.storage, "p", "complete")

    assert await states(world.storage, "child") == ["cancelled"], await row(world.storage, "child")


@case("V1")
async def one_parent_frees_a_hundred_children(world: World) -> None:
    children = [f"c{number:03d}" for number in range(100)]
    job = await added_and_claimed(world.storage, "p")
    await add(world.storage, *children, after=(Edge("p"),))

    await settle(world.storage, job, "complete")

    assert await claim_ids(world.storage, limit=200) == children, "freed"
