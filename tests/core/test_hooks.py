"""R17: hooks around submit and run."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.core.jobs import (
    ALL,
    add_one,
    count_words,
    running,
)
from wherry import (
    Client,
    Context,
    FailedJob,
    InvalidInput,
    InvalidOutput,
    JobHandle,
    PermanentError,
    Server,
    open_storage,
    task,
)
from wherry.messages import NewJob


class Tracing:
    """Carries a trace from submit to run, and remembers the order of things."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name, self.seen = name, seen

    async def submit(
        self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]
    ) -> JobHandle[Any]:
        self.seen.append(f"{self.name} submits {job.task}")
        return await next(job._replace(trace=f"{job.trace or ''}{self.name}"))

    async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
        self.seen.append(f"{self.name} runs {context.job.trace}")
        try:
            return await next(context)
        except Exception as error:
            self.seen.append(f"{self.name} sees {type(error).__name__}")
            raise
        finally:
            self.seen.append(f"{self.name} left")


async def test_hooks_stand_around_submit_and_run_the_first_outside() -> None:
    seen: list[str] = []
    hooks = [Tracing("a", seen), Tracing("b", seen)]
    async with open_storage("memory:") as storage, Server(storage, ALL, hooks=hooks):
        handle = await Client(storage, hooks=hooks).submit(count_words, "one two")
        assert await handle == 2

    assert seen == [
        "a submits text.count",
        "b submits text.count",
        "a runs ab",
        "b runs ab",
        "b left",
        "a left",
    ]


async def test_a_hook_sees_the_error_and_may_change_the_outcome() -> None:
    class Rescue:
        async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
            try:
                return await next(context)
            except PermanentError as error:
                return str(error)

    @task
    def fails(value: int) -> str:
        raise PermanentError("rescued")

    @task
    def miscounts(value: int) -> int:
        raise PermanentError("no number")

    seen: list[str] = []
    hooks = [Rescue(), Tracing("t", seen)]
    async with open_storage("memory:") as storage, Server(storage, [fails, miscounts], hooks=hooks):
        client = Client(storage)
        assert await (await client.submit(fails, 1)) == "rescued"
        handle = await client.submit(miscounts, 1, max_attempts=1)
        with pytest.raises(Exception, match="invalid output of miscounts"):
            await handle
        job = await handle.job()
        assert isinstance(job, FailedJob)
        assert job.error.type == InvalidOutput.__name__
    assert "t sees PermanentError" in seen


async def test_a_run_hook_that_raises_fails_the_attempt_not_the_worker() -> None:
    class Refuses:
        async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any:
            if context.job.task == "add_one":
                raise PermanentError("not today")
            return await next(context)

    async with running(hooks=[Refuses()]) as (client, _):
        with pytest.raises(PermanentError, match="not today"):
            await (await client.submit(add_one, 1))
        assert await (await client.submit(count_words, "one")) == 1


async def test_a_submit_hook_that_raises_stores_nothing() -> None:
    class Quota:
        async def submit(
            self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]
        ) -> JobHandle[Any]:
            if json.loads(job.input) > 2:
                raise PermissionError("over quota")
            return await next(job)

    async with open_storage("memory:") as storage:
        client = Client(storage, hooks=[Quota()])
        with pytest.raises(PermissionError, match="over quota"):
            await client.submit(add_one, 3)
        assert await client.size() == 0
        handles = await client.submit_many(add_one, [0, 1, 2])
        assert [(await handle.job()).input for handle in handles] == [0, 1, 2]


async def test_hooks_stand_around_what_runs_here_and_now() -> None:
    seen: list[str] = []
    async with open_storage("memory:") as storage:
        with Client(storage, hooks=[Tracing("n", seen)]):
            assert (await add_one.now(1)).output == 2

    assert seen == ["n runs None", "n left"]


async def test_what_is_no_hook_of_a_kind_is_refused(client: Client) -> None:
    for make in (
        lambda: Client(client.storage, hooks=[object()]),  # type: ignore[list-item]
        lambda: Server(client.storage, ALL, hooks=[object()]),  # type: ignore[list-item]
    ):
        with pytest.raises(InvalidInput, match="has neither `submit` nor `run`"):
            make()
