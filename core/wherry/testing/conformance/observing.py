"""What the real `Client` sees of jobs and workers, whatever storage holds them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from wherry.client import Client
from wherry.context import Context, Told
from wherry.errors import JobNotFound
from wherry.events import Event
from wherry.server import Server
from wherry.task import task
from wherry.testing.conformance.builders import head, in_time
from wherry.testing.conformance.trying import fail
from wherry.testing.conformance.working import double, plain, run
from wherry.testing.conformance.world import World, case
from wherry.views import BlockedJob, CompletedJob, FailedJob, PendingJob
from wherry.vitals import WorkerVitals


@task(name="case:tell")
async def tell(text: str, context: Context) -> str:
    context.progress(100, text)
    return text


@case("T7")
async def a_job_read_back_has_what_its_state_gives_it(world: World) -> None:
    client = Client(world.storage)
    parent, failing = await client.submit(double, 1), await client.submit(fail, "x", max_attempts=1)
    child = await client.submit(double, 2, after=[failing])
    pending, blocked = await parent.job(), await child.job()
    await run(world, double, fail)
    completed, failed = await parent.job(), await failing.job()

    assert isinstance(pending, PendingJob), pending
    assert not hasattr(pending, "output"), pending
    assert isinstance(blocked, BlockedJob), blocked
    assert blocked.after == (failing.id,), blocked
    assert isinstance(completed, CompletedJob), completed
    assert (completed.input, completed.output) == (1, 2), completed
    assert isinstance(failed, FailedJob), failed
    assert (failed.error.type, hasattr(failed, "output")) == ("OSError", False), failed


@case("C1", "C6")
async def a_connected_client_hears_what_another_opening_does(world: World) -> None:
    heard: list[tuple[str, object]] = []
    ended = asyncio.Event()

    async with world.second() as elsewhere, Client(elsewhere) as client:
        client.on("job_start", lambda event: heard.append((event.name, event.task)))
        client.on("job_complete", lambda event: (heard.append((event.name, event.output)), ended.set()))
        await Client(world.storage).submit(double, 2)
        await run(world, double)
        await in_time(ended.wait())

    assert heard == [("job_start", "case:double"), ("job_complete", 4)], heard


@case("C6")
async def events_come_in_the_order_of_what_happened(world: World) -> None:
    client = Client(world.storage)
    since = await head(world.storage)
    handle = await client.submit(fail, "x")
    for _ in range(2):
        await run(world, fail)
        world.clock.advance(60_000)

    async with aclosing(client.events(since=since)) as events:
        heard = [await in_time(anext(events)) for _ in range(5)]

    names = [event.name for event in heard]
    assert names == ["job_added", "job_start", "job_retry", "job_start", "job_error"], heard
    assert {event.job_id for event in heard} == {handle.id}, heard
    assert (heard[-1].error or {})["message"] == "x", heard[-1]


@case("C6")
async def one_event_can_be_waited_for(world: World) -> None:
    client = Client(world.storage)
    async with client:
        waiting = asyncio.ensure_future(
            client.wait_for_event("job_retry", where=lambda event: event.task == fail.name)
        )
        heard: list[Event] = []
        client.once("job_added", heard.append)
        handles = [await client.submit(fail, "x"), await client.submit(fail, "y")]
        await run(world, fail)

        event = await in_time(waiting)

    assert event.job_id in [handle.id for handle in handles], event
    assert event.retry_at is not None, event
    assert event.retry_at.timestamp() * 1000 == world.clock.now_ms() + 60_000, event
    assert [each.job_id for each in heard] == [handles[0].id], heard


@case("C3", "R14")
async def a_handle_hears_the_progress_of_its_job_until_it_ends(world: World) -> None:
    client, heard = Client(world.storage), list[tuple[str, object]]()
    async with client:
        handle = await client.submit(tell, "there")
        other = await client.submit(tell, "elsewhere")
        stop = handle.on_progress(lambda event: heard.append((event.job_id, event.message)))
        followed = asyncio.ensure_future(names_of(client, handle.id))
        await Told()  # one turn, in which it begins to follow
        await run(world, tell)
        names = await in_time(followed)
        stop()

    assert heard == [(handle.id, "there")], (heard, other)
    assert names[-3:] == ["job_start", "job_progress", "job_complete"], names


async def names_of(client: Client, job_id: str) -> list[str]:
    """The events of one job, from now until it ends."""
    return [event.name async for event in client.handle(job_id).events()]


async def workers_of(client: Client) -> list[WorkerVitals]:
    """What a server tells in the first round after its start."""
    while not (found := await client.workers()):
        await Told()
    return found


@case("R18")
async def a_server_tells_of_its_worker_while_it_lives(world: World) -> None:
    client = Client(world.storage)
    async with Server(world.storage, [double], queues=["default"], concurrency=3, name="w") as server:
        await in_time((await client.submit(double, 1)).result())
        health, own = server.health(), server.vitals()
        told = await in_time(workers_of(client))
    gone = await client.workers()

    assert health.ok, health
    assert (own.done, own.active, own.last_claim_at is None) == (1, 0, False), own
    assert [(one.name, one.queues, one.tasks, one.concurrency) for one in told] == [
        ("w", ("default",), ("case:double",), 3)
    ], told
    assert gone == [], gone
    assert not server.health().ok, server.health()


@case("R19")
async def why_says_what_a_job_waits_for(world: World) -> None:
    client = Client(world.storage)
    parent = await client.submit(double, 1)
    child = await client.submit(plain, 1, after=[parent])

    alone, behind = await client.why(parent.id), await client.why(child.id)
    await client.pause(queue="default")
    paused = await client.why(parent.id)

    assert alone == "No server tells that it is alive: start one that has 'case:double'.", alone
    assert behind == f"It waits for 1 job ({parent.id} (pending)) to finish first.", behind
    assert paused == "Its queue 'default' is paused: `client.resume(queue='default')`.", paused


@case("R19", "R6")
async def why_says_how_a_job_ended_and_what_to_do(world: World) -> None:
    client = Client(world.storage)
    retried, failed = await client.submit(fail, "x"), await client.submit(fail, "y", max_attempts=1)

    await run(world, fail)

    said, unknown = await client.why(failed.id), ""
    assert " on attempt 1 of 1 with OSError: y: " in said, said
    assert said.endswith(f"`client.retry({failed.id!r})` puts it back."), said
    assert (await retried.job()).state == "pending", await retried.job()
    try:
        await client.why("nobody")
    except JobNotFound as error:
        unknown = error.job_id
    assert unknown == "nobody", unknown
