"""What type checkers see (T1, T7): read by `build.py check`, never run.

Each `assert_type` fails the check if the inferred type is another one.
"""

from __future__ import annotations

from typing import Any, assert_type

from wherry import (
    Client,
    CompletedJob,
    Context,
    Event,
    FailedJob,
    JobHandle,
    Outcome,
    PendingJob,
    Task,
    task,
    until_done,
    within,
)


@task
async def async_one(text: str) -> int:
    return len(text)


@task
def sync_one(number: int) -> str:
    return str(number)


@task(queue="mail", max_attempts=2)
async def with_context(text: str, context: Context) -> list[str]:
    return [text, context.job.id]


@task
async def only_context(context: Context) -> str:
    return context.job.id


@task
def nothing() -> None: ...


@task(name="count")
class Count:
    async def execute(self, input: str, context: Context) -> int:
        return len(input)


assert_type(async_one, Task[str, int])
assert_type(sync_one, Task[int, str])
assert_type(with_context, Task[str, list[str]])
assert_type(only_context, Task[None, str])
assert_type(nothing, Task[None, None])
assert_type(Count, Task[str, int])
assert_type(with_context.options(priority=3), Task[str, list[str]])


async def submits(client: Client) -> None:
    assert_type(await client.submit(async_one, "text"), JobHandle[int])
    assert_type(await client.submit(only_context), JobHandle[str])
    assert_type(await client.submit("by.name", {"any": 1}), JobHandle[Any])
    assert_type(await client.submit_many(sync_one, [1, 2]), list[JobHandle[str]])
    assert_type(await (await client.submit(async_one, "text")), int)
    assert_type(await (await client.submit(async_one, "text")).result(timeout=1.0), int)
    assert_type(await async_one.later("text", delay=1.0), JobHandle[int])
    await client.submit(async_one, 3)  # pyright: ignore[reportArgumentType, reportCallIssue] - must be an error
    await client.submit(async_one, "text", retries=3)  # pyright: ignore[reportCallIssue] - must be an error


async def runs_here() -> None:
    outcome = await async_one.now("text")
    if outcome.error is None:
        assert_type(outcome.output, int)
    else:
        assert_type(outcome.error, BaseException)
        assert_type(outcome.output, None)
    assert_type(await only_context.now(), Outcome[str])
    assert_type(await sync_one.batch([1, 2], concurrency=3), list[Outcome[str]])
    await sync_one.batch(["one"])  # pyright: ignore[reportArgumentType] - must be an error


async def observes(client: Client) -> None:
    assert_type(await client.wait_for_event("job_complete", 1.0), Event)
    async for event in client.events(names=["job_start"]):
        assert_type(event, Event)
    await client.submit(async_one, "text", unique=within(60, "key"))
    async_one.options(unique=until_done())
    await client.submit(async_one, "text", unique=3)  # pyright: ignore[reportArgumentType, reportCallIssue] - must be an error


async def narrows(handle: JobHandle[int]) -> None:
    job = await handle.job()
    if isinstance(job, CompletedJob):
        assert_type(job.output, int)
    match job:
        case FailedJob(error=error):
            assert_type(error.message, str)
        case PendingJob():
            print(job.output)  # noqa: T201 # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType] - a pending job has none
        case _:
            pass
