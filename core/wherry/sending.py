"""How a client's submits reach the storage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherry.errors import InvalidInput, JobNotFound, NotJson
from wherry.handle import JobHandle
from wherry.hooks import SubmitHook, chained
from wherry.lookup import Lookup
from wherry.messages import NewJob
from wherry.submission import Dumped, JobMaker, ManifestEntry, batches
from wherry.task import JobOptions, Task
from wherry.validation import check_size

if TYPE_CHECKING:
    from wherry.client import Client


class Sender:
    """Checks inputs, makes jobs of them and stores them, through the client's hooks if it has any."""

    def __init__(self, client: Client, lookup: Lookup, hooks: Sequence[SubmitHook]) -> None:
        self._client, self._lookup, self._hooks = client, lookup, hooks

    async def send(self, task: Any, inputs: Sequence[Any], options: JobOptions) -> list[JobHandle[Any]]:
        """Store one job an input; all are checked before the first is stored."""
        known, source, defaults = await self._lookup.resolve(task)
        maker = JobMaker(defaults, options, namespace=self._client.namespace, count=len(inputs))
        dumped = _dumped(source, inputs)
        _check_sizes(dumped, self._client.storage.capabilities.max_payload, source.name)
        await self._client.heard()
        handles: list[JobHandle[Any]] = []
        jobs: Sequence[NewJob] = ()
        for batch in batches(dumped):
            if not jobs:
                jobs = maker.make(batch)
                continue
            adding = asyncio.create_task(self._store(known, jobs))
            try:
                # While the storage takes these the next ones are made.
                await asyncio.sleep(0)
                jobs = maker.make(batch)
                handles += await adding
            finally:
                adding.cancel()
        return handles + await self._store(known, jobs) if jobs else handles

    async def _store(self, known: Task[Any, Any] | None, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        return await (self._add_hooked if self._hooks else self._add)(known, jobs)

    async def _add(self, known: Task[Any, Any] | None, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        storage = self._client.storage
        handles: list[JobHandle[Any]] = []
        for job, (standing, verdict) in zip(jobs, await storage.add(jobs), strict=True):
            if verdict == "refused":
                parents = await storage.get([edge.parent for edge in job.after])
                raise JobNotFound(next((e.parent for e in job.after if e.parent not in parents), job.id))
            duplicate_of = standing if verdict == "duplicate" else None
            handles.append(JobHandle(self._client, standing, known, duplicate_of))
        return handles

    async def _add_hooked(self, known: Task[Any, Any] | None, jobs: Sequence[NewJob]) -> list[JobHandle[Any]]:
        async def add(job: NewJob) -> JobHandle[Any]:
            return (await self._add(known, (job,)))[0]

        # One call a job, because each may be held up or refused on its own; the storage joins them.
        return await asyncio.gather(*map(chained(self._hooks, "submit", add), jobs))


def _dumped(source: Task[Any, Any] | ManifestEntry, inputs: Sequence[Any]) -> list[Dumped]:
    """Raises: `InvalidInput`, `NotJson` that say which of several inputs it is."""
    dumped: list[Dumped] = []
    try:
        for value in inputs:
            dumped.append(source.dump_input(value))  # noqa: PERF401 - its length tells which one is wrong
    except (InvalidInput, NotJson) as error:
        if len(inputs) == 1:
            raise
        raise _placed(error, len(dumped)) from None
    return dumped


def _placed(error: InvalidInput | NotJson, index: int) -> InvalidInput | NotJson:
    """The error of one of several inputs."""
    if isinstance(error, InvalidInput):
        return InvalidInput(error.what, [f"inputs[{index}]: {each}" for each in error.problems])
    whole = error.path.startswith("$")
    return NotJson(f"$[{index}]{error.path[1:]}" if whole else f"inputs[{index}]: {error.path}", error.found)


def _check_sizes(dumped: Sequence[Dumped], limit: int, task: str) -> None:
    """Raises: `PayloadTooLarge` for the first input that is over `limit` bytes."""
    for index, (text, _) in enumerate(dumped):
        if len(text) * 4 > limit:
            check_size(text, limit, f"{'the input' if len(dumped) == 1 else f'inputs[{index}]'} of {task}")
