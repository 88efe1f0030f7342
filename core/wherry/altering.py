"""What a client changes by hand: single jobs, many jobs in batches, and what may be claimed at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from wherry.checks import IN_FILTERS, require
from wherry.errors import InvalidInput, JobNotFound
from wherry.messages import Alteration, Filter, RecordWrite
from wherry.storage.protocol import Storage
from wherry.views import instant

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Pause:
    """A queue or a task whose jobs are not claimed until `client.resume`."""

    kind: Literal["queue", "task"]
    name: str
    namespace: str
    since: datetime


class Altering:
    """Changes jobs that a filter of the client's own namespaces lets through."""

    def __init__(self, storage: Storage, mine: Filter) -> None:
        self._storage, self._mine = storage, mine

    def narrowed(self, where: Filter) -> Filter:
        """The filter within the client's namespaces.  Raises: `InvalidInput`, also when it names others."""
        if not isinstance(where, Filter):  # pyright: ignore[reportUnnecessaryIsInstance] - a dict is a likely slip
            raise InvalidInput("filter", [f"must be a wherry.Filter, not {where!r}"])
        require("filter", {name: getattr(where, name) for name in IN_FILTERS}, IN_FILTERS)
        mine = self._mine.namespaces
        if not where.namespaces:
            return replace(where, namespaces=mine)
        for namespace in where.namespaces:
            if mine and namespace not in mine:
                problem = (
                    f"namespaces: this client does not see {namespace!r}; Client(namespaces=[...]) names more"
                )
                raise InvalidInput("filter", [problem])
        return where

    async def one(self, job_id: str, change: Alteration) -> bool:
        """False when the change does not apply to the job as it stands.  Raises: `JobNotFound`."""
        require_id(job_id)
        if await self._storage.alter(self.narrowed(Filter(ids=(job_id,))), change, limit=1):
            return True
        row = (await self._storage.get([job_id])).get(job_id)
        if row is None or (self._mine.namespaces and row.namespace not in self._mine.namespaces):
            raise JobNotFound(job_id)
        return False

    async def many(self, where: Filter, change: Alteration, *, limit: int | None = None) -> int:
        """Change what matches, oldest first, each job once; how many were changed.

        A job that comes to match again while this goes on (a retried one that fails at once) is left alone.
        """
        if limit is not None:
            require("limit", {"limit": limit})
        oldest = replace(self.narrowed(where), oldest_first=True)
        changed, cursor = 0, None
        while limit is None or changed < limit:
            size = _BATCH if limit is None else min(_BATCH, limit - changed)
            rows, cursor = await self._storage.query(oldest, limit=size, cursor=cursor)
            if rows:
                page = replace(oldest, ids=tuple(row.id for row in rows))
                changed += len(await self._storage.alter(page, change, limit=size))
            if cursor is None:
                break
        return changed

    # --- pauses ----------------------------------------------------------------------------------------
    async def pause(self, namespace: str, *, queue: str | None, task: str | None) -> None:
        kind, name = _target("pause", queue, task)
        since = json.dumps({"since_ms": round(datetime.now(UTC).timestamp() * 1000)})
        # Paused already: the older pause stands.
        await self._storage.write([RecordWrite("pause", f"{namespace}/{kind}/{name}", 0, since)])

    async def resume(self, namespace: str, *, queue: str | None, task: str | None) -> bool:
        kind, name = _target("resume", queue, task)
        key = f"{namespace}/{kind}/{name}"
        standing = [record for record in await self._storage.read("pause", prefix=key) if record.key == key]
        if standing:
            await self._storage.write([RecordWrite("pause", key, None, None)])
        return bool(standing)

    async def paused(self) -> list[Pause]:
        pauses = [_pause(record.key, record.value) for record in await self._storage.read("pause")]
        mine = self._mine.namespaces
        return [pause for pause in pauses if not mine or pause.namespace in mine]


def require_id(job_id: object) -> None:
    """Raises `InvalidInput` for what can be no job's id."""
    if not isinstance(job_id, str):
        raise InvalidInput("job_id", [f"must be the text of a job's id, not {job_id!r}"])


def _target(verb: str, queue: str | None, task: str | None) -> tuple[Literal["queue", "task"], str]:
    if (queue is None) == (task is None):
        raise InvalidInput(verb, ["give either queue= or task="])
    require(verb, {"queue": queue, "task": task})
    if task is not None:
        return "task", task
    return "queue", queue or ""


def _pause(key: str, value: str) -> Pause:
    namespace, kind, name = key.split("/", 2)
    since_ms = json.loads(value or "{}").get("since_ms", 0)
    return Pause("task" if kind == "task" else "queue", name, namespace, instant(since_ms))
