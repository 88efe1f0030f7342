"""How a client's submits reach the storage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wherry.errors import JobNotFound
from wherry.handle import JobHandle
from wherry.hooks import SubmitHook, chained
from wherry.lookup import Lookup
from wherry.messages import NewJob
from wherry.submission import batches, new_jobs
from wherry.task import JobOptions, Task
from wherry.uniqueness import policy_of

if TYPE_CHECKING:
    from wherry.client import Client


class Sender:
    """Checks inputs, makes jobs of them and stores them, through the client's hooks if it has any."""

    def __init__(self, client: Client, lookup: Lookup, hooks: Sequence[SubmitHook]) -> None:
        self._client, self._lookup, self._hooks = client, lookup, hooks

    async def send(self, task: Any, inputs: Sequence[Any], options: JobOptions) -> list[JobHandle[Any]]:
        """Store one job an input; all are checked before the first is stored."""
        known, source, defaults = await self._lookup.resolve(task)
        namespace, limit = self._client.namespace, self._client.storage.capabilities.max_payload
        texts = [source.dump_input(value) for value in inputs]
        jobs = new_jobs(defaults, texts, options, namespace=namespace, max_payload=limit)
        policy = policy_of(options.get("unique", defaults.unique))
        if policy is not None:
            jobs = [job._replace(unique=policy.of(namespace, job.task, job.fingerprint)) for job in jobs]
        await self._client.heard()
        handles: list[JobHandle[Any]] = []
        for batch in batches(jobs):
            handles += await (self._add_hooked(batch, known) if self._hooks else self._add(batch, known))
        return handles

    async def _add(self, jobs: Sequence[NewJob], known: Task[Any, Any] | None) -> list[JobHandle[Any]]:
        storage = self._client.storage
        handles: list[JobHandle[Any]] = []
        for job, (standing, verdict) in zip(jobs, await storage.add(jobs), strict=True):
            if verdict == "refused":
                parents = await storage.get([edge.parent for edge in job.after])
                raise JobNotFound(next((e.parent for e in job.after if e.parent not in parents), job.id))
            duplicate_of = standing if verdict == "duplicate" else None
            handles.append(JobHandle(self._client, standing, known, duplicate_of))
        return handles

    async def _add_hooked(self, jobs: Sequence[NewJob], known: Task[Any, Any] | None) -> list[JobHandle[Any]]:
        async def add(job: NewJob) -> JobHandle[Any]:
            return (await self._add((job,), known))[0]

        # One call a job, because each may be held up or refused on its own; the storage joins them.
        return await asyncio.gather(*map(chained(self._hooks, "submit", add), jobs))
