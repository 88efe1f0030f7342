"""What follows an attempt of the real `Worker`: retries, snoozes, ends; and what stands around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from wherry.client import Client
from wherry.context import Context
from wherry.errors import PermanentError, RetryableError, Snooze
from wherry.handle import JobHandle
from wherry.messages import NewJob
from wherry.retry import Backoff
from wherry.server import Server
from wherry.task import create_task, task
from wherry.testing.conformance.builders import in_time, row
from wherry.testing.conformance.working import double, run
from wherry.testing.conformance.world import World, case
from wherry.views import FailedJob, Progress, instant

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@task(name="case:fail", max_attempts=2, retry=Backoff(delays=(60,)))
async def fail(message: str) -> None:
    raise OSError(message)


async def waits() -> None:
    await asyncio.Event().wait()


@case("R5", "R6")
async def a_failed_attempt_comes_back_after_its_delay_until_none_is_left(world: World) -> None:
    handle = await Client(world.storage).submit(fail, "no line")

    first = await run(world, fail)
    world.clock.advance(59_999)
    early = await run(world, fail)
    world.clock.advance(1)
    second = await run(world, fail)

    assert (first, early, second) == (1, 0, 1), (first, early, second)
    found = await handle.job()
    assert isinstance(found, FailedJob), found
    assert [error.message for error in found.errors] == ["no line", "no line"], found


@case("R5")
async def a_retryable_error_says_when_to_try_again(world: World) -> None:
    async def refused() -> None:
        raise RetryableError("too many", retry_at=FAR)

    handle = await Client(world.storage).submit(one := create_task("refused", refused))

    await run(world, one)

    found = await handle.job()
    assert (found.state, found.run_at, found.attempts) == ("pending", FAR, 1), found


@case("R5", "R6")
async def a_permanent_error_ends_the_job_with_attempts_left(world: World) -> None:
    async def hopeless() -> None:
        raise PermanentError("no such address")

    handle = await Client(world.storage).submit(one := create_task("hopeless", hopeless))

    await run(world, one)

    found = await handle.job()
    assert (found.state, found.attempts) == ("failed", 1), found


@case("R9")
async def a_handler_that_snoozes_is_charged_no_attempt(world: World) -> None:
    async def early() -> None:
        raise Snooze(30)

    handle = await Client(world.storage).submit(one := create_task("early", early, max_attempts=1))

    for _ in range(3):
        assert await run(world, one) == 1, await handle.job()
        world.clock.advance(30_000)

    found = await handle.job()
    assert (found.state, found.attempts, found.errors) == ("pending", 0, ()), found


@case("R8")
async def an_attempt_past_its_timeout_is_ended_and_tried_again(world: World) -> None:
    one = create_task("slow", waits, timeout=0.01, max_attempts=2, retry=Backoff(delays=(0,)))
    handle = await Client(world.storage).submit(one)

    assert await in_time(run(world, one)) == 2, await handle.job()

    found = await handle.job()
    assert [error.code for error in found.errors] == ["timeout"] * 2, found


@case("R8")
async def a_deadline_ends_a_job_that_runs(world: World) -> None:
    one = create_task("slow", waits)
    handle = await Client(world.storage).submit(one, deadline=instant(world.clock.now_ms() + 10))

    await in_time(run(world, one))

    found = await handle.job()
    assert isinstance(found, FailedJob), found
    assert (found.error.code, found.attempts) == ("deadline_exceeded", 1), found


@case("R7", "R5")
async def a_job_asked_to_stop_is_not_tried_again(world: World) -> None:
    client = Client(world.storage)

    async def asked(context: Context) -> None:
        await client.cancel(context.job.id)
        raise OSError("in the middle of it")

    handle = await client.submit(one := create_task("asked", asked))

    await run(world, one)

    found = await handle.job()
    assert found.state == "cancelled", found


@case("R6", "C8")
async def dead_letters_are_handed_on_and_put_back_together(world: World) -> None:
    letters: asyncio.Queue[FailedJob[Any]] = asyncio.Queue()
    client = Client(world.storage)
    await client.submit_many(fail, ["a", "b"], max_attempts=1)

    async with Server(world.storage, [fail], on_dead_letter=letters.put_nowait):
        found = sorted([(await in_time(letters.get())).input for _ in range(2)])

    assert found == ["a", "b"], found
    assert await client.retry_many() == 2, await client.peek("failed")
    back = await client.peek("pending")
    assert [len(job.errors) for job in back] == [1, 1], back


@case("R11", "C4")
async def a_job_deleted_on_completion_still_gives_its_result(world: World) -> None:
    client = Client(world.storage)
    handle = await client.submit(double, 3)

    await run(world, double, retain={"complete": 0})

    assert await client.size() == 0, await client.peek("completed")
    assert await in_time(handle.result()) == 6, "the result went with the job"


@case("R14")
async def a_handler_tells_how_far_it_is_and_submits_more(world: World) -> None:
    async def parent(context: Context) -> str:
        context.progress(40, "halfway", {"stage": 2})
        context.log("submitting", count=1)
        child = await context.submit(double, 4)
        return str(child.id)

    client = Client(world.storage)
    handle = await client.submit(one := create_task("parent", parent))

    await run(world, one, double)

    assert await client.wait_for(await handle) == 8, "no child"
    found, logs = await handle.job(), await client.logs(handle.id)
    assert found.progress == Progress(40, "halfway", {"stage": 2}), found
    assert [(line.message, line.fields) for line in logs] == [("submitting", {"count": 1})], logs


class Marks:
    """A hook on both sides: carries a mark from submit to run."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    async def submit(self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]) -> Any:
        return await next(job._replace(trace="a mark"))

    async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
        self.seen.append(f"{context.job.trace} on {context.job.task}")
        return await next(context) + 1


@case("R17")
async def hooks_stand_around_submit_and_run(world: World) -> None:
    seen: list[str] = []
    handle = await Client(world.storage, hooks=[Marks(seen)]).submit(double, 3)

    await run(world, double, hooks=[Marks(seen)])

    assert (await handle, seen) == (7, ["a mark on case:double"]), seen


@case("R17")
async def what_a_submit_hook_refuses_is_not_stored(world: World) -> None:
    class Quota:
        async def submit(self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]) -> Any:
            raise PermissionError("over quota")

    client, said = Client(world.storage, hooks=[Quota()]), ""
    try:
        await client.submit(double, 3, id="refused")
    except PermissionError as error:
        said = str(error)

    assert said == "over quota", said
    assert await world.storage.get(["refused"]) == {}, await row(world.storage, "refused")
