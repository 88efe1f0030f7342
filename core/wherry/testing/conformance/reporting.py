"""Progress, log lines and steps of running attempts."""

from __future__ import annotations

import json
from typing import Any

from wherry.messages import Claimed, Filter, Report
from wherry.storage.protocol import Storage
from wherry.testing.conformance.builders import (
    LEASE_MS,
    add,
    added_and_claimed,
    changes_since,
    claim_one,
    head,
    read,
    row,
    settle,
)
from wherry.testing.conformance.world import World, case


async def report(storage: Storage, job: Claimed, **news: Any) -> str:
    (verdict,) = await storage.report([Report(job.id, job.fence, **news)])
    return verdict


@case("R14", "T6")
async def progress_is_stored(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    verdict = await report(world.storage, job, percent=100 / 3, message="halfway ½", details='{"n":1}')

    found = await row(world.storage, "a")
    assert verdict == "ok", verdict
    assert (found.percent, found.message, found.details) == (100 / 3, "halfway ½", '{"n":1}'), found


@case("R14")
async def what_a_report_leaves_out_stays(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await report(world.storage, job, percent=10, message="one", details="1")

    await report(world.storage, job, percent=0)
    first = await row(world.storage, "a")
    await report(world.storage, job, message="")
    second = await row(world.storage, "a")

    assert (first.percent, first.message, first.details) == (0, "one", "1"), first
    assert (second.percent, second.message, second.details) == (0, "", "1"), second


@case("R14", "C6")
async def progress_is_told_once(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    before, cursor = await row(world.storage, "a"), await head(world.storage)

    await report(world.storage, job, percent=1, message="m", details="1")

    told = [(change.kind, change.revision) for change in await changes_since(world.storage, cursor)]
    assert told == [("progress", before.revision + 1)], told


@case("R14")
async def log_lines_and_steps_alone_are_not_told(world: World) -> None:
    job, cursor = await added_and_claimed(world.storage, "a"), await head(world.storage)

    await report(world.storage, job, logs=('"x"',), step=("s", "1"))

    assert await changes_since(world.storage, cursor) == [], "told"


@case("R14")
async def log_lines_are_numbered_through_all_attempts(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await report(world.storage, job, logs=('"one"', '"two"'))
    await settle(world.storage, job, "retry")
    await report(world.storage, await claim_one(world.storage), logs=('"three"',))

    lines = await read(world.storage, "log", "a/")

    wanted = [("a/0000000001", '"one"'), ("a/0000000002", '"two"'), ("a/0000000003", '"three"')]
    assert [(key, value) for key, _, value in lines] == wanted, lines


@case("R14")
async def log_lines_of_different_jobs_do_not_mix(world: World) -> None:
    one, two = await added_and_claimed(world.storage, "a"), await added_and_claimed(world.storage, "b")
    reports = [Report(job.id, job.fence, logs=(f'"{job.id}"',)) for job in (one, two, one)]

    verdicts = await world.storage.report(reports)

    assert list(verdicts) == ["ok"] * 3, verdicts
    lines = [(key, value) for key, _, value in await read(world.storage, "log")]
    assert lines == [("a/0000000001", '"a"'), ("a/0000000002", '"a"'), ("b/0000000001", '"b"')], lines


@case("V2", "Q10")
async def a_step_is_written_once(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")

    verdicts = [await report(world.storage, job, step=("charge", value)) for value in ("1", "2")]

    assert verdicts == ["ok", "ok"], verdicts
    assert await read(world.storage, "step") == [("a/charge", 1, "1")], await read(world.storage, "step")


@case("V2", "Q10")
async def the_next_attempt_gets_the_steps_so_far(world: World) -> None:
    steps = {"one": "1", 'two "quoted" ü/1': '{"big":' + str(2**80) + "}", "three": "null"}
    job = await added_and_claimed(world.storage, "a")
    for step in list(steps.items())[:2]:
        await report(world.storage, job, step=step, logs=('"line"',))
    await settle(world.storage, job, "retry")
    second = await claim_one(world.storage)
    await report(world.storage, second, step=("three", "null"))
    await settle(world.storage, second, "release")

    third = await claim_one(world.storage)

    for attempt, count in ((second, 2), (third, 3)):
        wanted = {name: json.loads(value) for name, value in list(steps.items())[:count]}
        assert json.loads(attempt.checkpoint or "null") == wanted, attempt
    assert str(2**80) in (third.checkpoint or ""), third


@case("V2")
async def steps_of_another_job_are_not_in_the_checkpoint(world: World) -> None:
    other = await added_and_claimed(world.storage, "aa")
    await report(world.storage, other, step=("s", "1"))
    await report(world.storage, await added_and_claimed(world.storage, "a_"), step=("s", "1"))

    job = await added_and_claimed(world.storage, "a")

    assert job.checkpoint is None, job


@case("R4", "R7")
async def verdicts_of_report_come_in_order(world: World) -> None:
    storage = world.storage
    await add(storage, "pending")
    live, asked, done = [await added_and_claimed(storage, name) for name in ("live", "asked", "done")]
    await settle(storage, done, "complete")
    await storage.alter(Filter(ids=("asked",)), "cancel", limit=1)
    fences = [
        ("nobody", 1),
        ("asked", asked.fence),
        ("live", live.fence),
        ("live", 9),
        ("done", 1),
        ("pending", 0),
    ]

    verdicts = await storage.report([Report(name, fence, percent=50) for name, fence in fences])

    assert list(verdicts) == ["unknown", "cancel", "ok", "lost", "lost", "lost"], verdicts
    percents = [(await row(storage, name)).percent for name in ("asked", "live", "done", "pending")]
    assert percents == [50, 50, None, None], percents


@case("R4", "Q3")
async def a_stale_report_writes_nothing(world: World) -> None:
    stale = await added_and_claimed(world.storage, "a")
    world.clock.advance(LEASE_MS + 1)
    await settle(world.storage, stale, "retry", if_lapsed=True)
    await claim_one(world.storage)
    before, cursor = await row(world.storage, "a"), await head(world.storage)

    verdict = await report(world.storage, stale, percent=99, message="stale", logs=('"x"',), step=("s", "1"))

    assert verdict == "lost", verdict
    assert await row(world.storage, "a") == before, await row(world.storage, "a")
    left = [*await read(world.storage, "log"), *await read(world.storage, "step")]
    assert (left, await changes_since(world.storage, cursor)) == ([], []), left


@case("R14", "Q3")
async def progress_does_not_come_after_the_end(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    await settle(world.storage, job, "complete", output="1")

    verdict = await report(world.storage, job, percent=50)

    found = await row(world.storage, "a")
    assert (verdict, found.percent, found.state) == ("lost", None, "completed"), (verdict, found)
