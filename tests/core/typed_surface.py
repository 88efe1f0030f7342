"""What type checkers see (T1, T7): read by `build.py check`, never run.

Each `assert_type` fails the check if the inferred type is another one.
"""

from __future__ import annotations

from typing import Any, assert_type

from wherry import Client, CompletedJob, Context, FailedJob, JobHandle, PendingJob, Task, task


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
