"""Finds a task by its name: given to the client, of an attached server, or in the storage's manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from wherry.errors import InvalidInput, UnknownTask
from wherry.job import JobRow
from wherry.storage.protocol import Storage
from wherry.submission import ManifestEntry
from wherry.task import Defaults, Registry, Task
from wherry.views import Job, view


class Found(NamedTuple):
    """What a submit needs to know of a task."""

    task: Task[Any, Any] | None
    """None when only the manifest knows it."""
    source: Task[Any, Any] | ManifestEntry
    defaults: Defaults


class Lookup:
    """The tasks that one client knows."""

    def __init__(self, storage: Storage, tasks: Iterable[Task[Any, Any]]) -> None:
        self._storage = storage
        self._registry = Registry(tasks)
        self.attached: Registry | None = None
        """The tasks of an attached server."""

    def find(self, name: str) -> Task[Any, Any] | None:
        return self._registry.find(name) or (self.attached.find(name) if self.attached else None)

    async def resolve(self, task: object) -> Found:
        """What a caller means by a task or a name.  Raises: `InvalidInput`, `UnknownTask`."""
        if isinstance(task, str):
            known = self.find(task)
            if known is None:
                entry = await self._in_manifest(task)
                return Found(None, entry, entry.defaults)
            task = known
        if not isinstance(task, Task):
            raise InvalidInput(
                "submit", [f"task: {task!r} is neither a task nor a name; decorate it with @task"]
            )
        one = cast("Task[Any, Any]", task)
        return Found(one, one, one.defaults)

    async def _in_manifest(self, name: str) -> ManifestEntry:
        for record in await self._storage.read("task", prefix=name):
            if record.key == name:
                return ManifestEntry(record.value)
        raise UnknownTask(name, [record.key for record in await self._storage.read("task")])

    # --- values in the task's own types, where it is known -------------------------------------------
    def load_output(self, row: JobRow, task: Task[Any, Any] | None = None) -> Any:
        known = task or self.find(row.task)
        text = row.output if row.output is not None else "null"
        return known.load_output(text) if known else json.loads(text)

    def view(self, row: JobRow, task: Task[Any, Any] | None = None) -> Job[Any, Any]:
        known = task or self.find(row.task)
        value = known.load_input(row.input) if known else json.loads(row.input)
        return view(row, value, self.load_output(row, known) if row.state == "completed" else None)
