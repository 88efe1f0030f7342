"""What `add` stores, and what it refuses."""

from __future__ import annotations

from wherry.errors import UnsupportedByStorage
from wherry.messages import Added, Edge, Filter, Gate, NewJob, RecordWrite, Unique
from wherry.testing.conformance.builders import (
    add,
    added_and_claimed,
    changes_since,
    claim_ids,
    head,
    new_job,
    query_ids,
    read,
    row,
    settle,
    write,
)
from wherry.testing.conformance.world import World, case


@case("T6", "C2")
async def an_added_job_is_pending_and_due_at_once(world: World) -> None:
    now_ms = world.clock.now_ms()

    verdicts = await add(world.storage, "a")

    found = await row(world.storage, "a")
    assert verdicts == ["ok"], verdicts
    assert found.state == "pending", found
    assert (found.created_at_ms, found.run_at_ms) == (now_ms, now_ms), found
    assert (found.attempt, found.fence, found.revision, found.interruptions) == (0, 0, 1, 0), found


@case("T6")
async def every_field_comes_back_as_it_was_given(world: World) -> None:
    now_ms = world.clock.now_ms()
    await add(world.storage, "parent")
    job = NewJob(
        "a", "tenant", "mail", "mail.send", '{"to":"ü"}', fingerprint="f" * 64, priority=-7, delay_ms=5,
        deadline_at_ms=now_ms + 99, timeout_ms=1500, max_attempts=9, backoff='{"first_ms":1}',
        unique=Unique("key ß", "done"), after=(Edge("parent", "run"),), run_id="run-1", tags=("x", "ÿ"),
        trace="00-abc", priority_step_ms=1000, code_hash="c0de", place="browser",
        origin="tab-1", origin_seq=2**52,
    )  # fmt: skip

    await world.storage.add([job])

    found = await row(world.storage, "a")
    same = (set(NewJob._fields) & set(found._fields)) - {"run_at_ms"}
    different = {name: getattr(found, name) for name in same if getattr(found, name) != getattr(job, name)}
    assert different == {}, different
    assert (found.unique_key, found.run_at_ms, found.base_attempts) == ("key ß", now_ms + 5, 9), found
    assert (found.waiting_for, found.home, found.epoch, found.hidden) == (1, "local", 0, False), found


@case("T6")
async def what_nobody_has_set_is_empty(world: World) -> None:
    await add(world.storage, "a")

    found = await row(world.storage, "a")

    unset = found.output, found.worker, found.lease_until_ms, found.started_at_ms, found.finished_at_ms
    assert unset == (None,) * 5, found
    assert (found.percent, found.message, found.details, found.lapse, found.doomed) == (None,) * 5, found
    assert (found.errors, found.tags, found.after, found.wake) == ("", (), (), None), found


@case("Q1")
async def adding_a_job_again_changes_nothing(world: World) -> None:
    await world.storage.add([new_job("a", input='"first"')])
    before, cursor = await row(world.storage, "a"), await head(world.storage)

    again = await world.storage.add([new_job("a", input='"second"', priority=5, queue="other")])

    assert list(again) == [Added("a", "duplicate")], again
    assert await row(world.storage, "a") == before, await row(world.storage, "a")
    assert await changes_since(world.storage, cursor) == [], "a repeat told a change"


@case("Q1", "Q3")
async def a_finished_job_is_not_added_again(world: World) -> None:
    await settle(world.storage, await added_and_claimed(world.storage, "a"), "complete", output="1")

    verdicts = await add(world.storage, "a", "a")

    assert verdicts == ["duplicate", "duplicate"], verdicts
    assert await claim_ids(world.storage) == [], "the finished job ran again"


@case("C2")
async def verdicts_of_add_come_in_order(world: World) -> None:
    await add(world.storage, "old")

    added = await world.storage.add(
        [new_job("c"), new_job("old"), new_job("b", after=(Edge("nobody"),)), new_job("a"), new_job("c")]
    )

    assert [(one.id, one.verdict) for one in added] == [
        ("c", "ok"), ("old", "duplicate"), ("b", "refused"), ("a", "ok"), ("c", "duplicate"),
    ], added  # fmt: skip
    assert await query_ids(world.storage, oldest_first=True) == ["a", "c", "old"], "stored"


@case("C2")
async def a_call_with_thousands_of_jobs_stores_them_all(world: World) -> None:
    ids = [f"{number:05d}" for number in range(2000)]

    verdicts = await add(world.storage, *ids)

    assert verdicts == ["ok"] * 2000, set(verdicts)
    counts = await world.storage.count(Filter())
    assert counts == {(): 2000}, counts


@case("R15")
async def a_delayed_job_is_due_when_the_delay_is_over(world: World) -> None:
    await add(world.storage, "a", delay_ms=1000)

    world.clock.advance(999)
    early = await claim_ids(world.storage)
    world.clock.advance(1)

    assert early == [], early
    assert await claim_ids(world.storage) == ["a"], "not claimed when due"


@case("R15")
async def a_job_for_an_instant_is_due_then(world: World) -> None:
    instant_ms = world.clock.now_ms() + 86_400_000
    await add(world.storage, "later", run_at_ms=instant_ms)
    await add(world.storage, "past", run_at_ms=instant_ms - 2 * 86_400_000)

    assert (await row(world.storage, "later")).run_at_ms == instant_ms, await row(world.storage, "later")
    assert await claim_ids(world.storage) == ["past"], "only what is due"
    world.clock.advance(86_400_000)
    assert await claim_ids(world.storage) == ["later"], "not claimed when due"


@case("D3")
async def records_are_written_with_the_jobs(world: World) -> None:
    await write(world.storage, "nightly", '"monday"', expected=0)
    await write(world.storage, "once", "1", expected=0)
    records = [
        RecordWrite("k", "nightly", 1, '"tuesday"'),
        RecordWrite("k", "once", None, None),
        RecordWrite("k", "new", 0, "1"),
    ]

    added = await world.storage.add([new_job("a")], records=records)

    assert list(added) == [Added("a", "ok")], added
    written = await read(world.storage)
    assert written == [("new", 1, "1"), ("nightly", 2, '"tuesday"')], written


@case("D3", "Q8")
async def a_record_that_does_not_stand_refuses_every_job(world: World) -> None:
    await write(world.storage, "nightly", "1", expected=0)
    cursor = await head(world.storage)

    added = await world.storage.add(
        [new_job("a"), new_job("b")],
        records=[RecordWrite("k", "other", 0, "1"), RecordWrite("k", "nightly", 7, "2")],
    )

    assert list(added) == [Added("a", "refused"), Added("b", "refused")], added
    assert await query_ids(world.storage) == [], "a job of a refused call was stored"
    assert await read(world.storage) == [("nightly", 1, "1")], await read(world.storage)
    assert await changes_since(world.storage, cursor) == [], "a refused call told a change"


@case("D3", "Q8")
async def an_add_with_records_may_be_repeated(world: World) -> None:
    await write(world.storage, "nightly", "1", expected=0)
    once = [RecordWrite("k", "nightly", 1, "2")]
    await world.storage.add([new_job("a")], records=once)
    before = await row(world.storage, "a")

    again = await world.storage.add([new_job("a")], records=once)

    assert again[0].verdict in ("duplicate", "refused"), again
    assert await row(world.storage, "a") == before, await row(world.storage, "a")
    assert await read(world.storage) == [("nightly", 2, "2")], await read(world.storage)


@case("G9", "L2")
async def gates_are_refused_where_limits_are_not_kept(world: World) -> None:
    if world.storage.capabilities.limits:
        return  # then they are taken, and other cases say what they do
    gated = new_job("b", gates=(Gate("mail", 1),))

    try:
        await world.storage.add([new_job("a"), gated], records=[RecordWrite("k", "r", 0, "1")])
    except UnsupportedByStorage as error:
        refused = error
    else:
        raise AssertionError("a job with gates was taken")

    assert refused.code == "unsupported_by_storage", refused
    assert await query_ids(world.storage) == [], "a job of the refused call was stored"
    assert await read(world.storage) == [], await read(world.storage)


@case("C2")
async def an_empty_call_does_nothing(world: World) -> None:
    cursor = await head(world.storage)

    replies = (
        await world.storage.add([]),
        await world.storage.exchange([], None),
        await world.storage.renew([], lease_ms=1000),
        await world.storage.report([]),
        await world.storage.signal([]),
        await world.storage.get([]),
    )

    assert [list(reply) for reply in (replies[0], *replies[2:])] == [[], [], [], [], []], replies
    assert (list(replies[1].verdicts), list(replies[1].jobs)) == ([], []), replies[1]
    assert await world.storage.write([]) is True, "nothing to write is written"
    assert await changes_since(world.storage, cursor) == [], "an empty call told a change"
