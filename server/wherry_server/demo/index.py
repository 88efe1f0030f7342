"""The searchable index of one indexing run, kept up to date from the change feed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

from wherry import Filter
from wherry.examples.catalogue import Entry, index_of, search
from wherry.examples.library import index as index_task
from wherry.job import JobRow
from wherry.messages import Cursor
from wherry.storage.protocol import Storage
from wherry.views import errors_of
from wherry_server.problems import Refusal

_PAGE = 200
_FEED_PAGE = 1000
_FAILED = 50
RUN_PREFIX = "index-"


class RunIndex:
    """One run's outputs.  Only what finished since the last look is read again."""

    def __init__(self, storage: Storage, run_id: str) -> None:
        self._storage, self.run_id = storage, run_id
        self._cursor = Cursor("")
        self._outputs: dict[str, dict[str, Any]] = {}
        self._entries: list[Entry] = []
        self._indexed = 0
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Read what has completed since the last time."""
        async with self._lock:
            if not self._cursor:
                await self._read_all()
                return
            while True:
                page = await self._storage.changes(self._cursor, limit=_FEED_PAGE)
                if page.resync:
                    await self._read_all()
                    return
                self._cursor = page.cursor
                done = {item.job_id for item in page.items if item.kind == "completed"}
                rows = await self._storage.get(sorted(done - self._outputs.keys()))
                self._take(row for row in rows.values() if row.run_id == self.run_id)
                if len(page.items) < _FEED_PAGE:
                    return

    async def _read_all(self) -> None:
        # The cursor first: what completes while the pages are read is met again, not missed.
        self._cursor = (await self._storage.changes(Cursor(""), limit=1)).cursor
        where, place = self._where(states=["completed"]), None
        while True:
            rows, place = await self._storage.query(where, limit=_PAGE, cursor=place)
            self._take(rows)
            if place is None:
                return

    def _take(self, rows: Iterable[JobRow]) -> None:
        self._outputs.update(
            (row.id, json.loads(row.output)) for row in rows if row.task == index_task.name and row.output
        )

    def _where(self, **more: Any) -> Filter:
        return Filter(run_id=self.run_id, tasks=[index_task.name], **more)

    @property
    def entries(self) -> list[Entry]:
        if self._indexed != len(self._outputs):
            self._entries, self._indexed = index_of(self._outputs.values()), len(self._outputs)
        return self._entries

    async def document(self, query: str | None, limit: int) -> dict[str, Any]:
        """The index, or what fits a query best, as the page reads it."""
        await self.refresh()
        total = (await self._storage.count(self._where())).get((), 0)
        failed, _ = await self._storage.query(self._where(states=["failed"]), limit=_FAILED)
        chosen = self.entries if query is None else search(self.entries, query, limit)
        outputs = self._outputs.values()
        return {
            "run_id": self.run_id,
            "total": total,
            "done": len(self._outputs),
            "failed": [{"module": json.loads(row.input), "message": _message(row)} for row in failed],
            "lines": sum(output["lines"] for output in outputs),
            "complexity": sum(output["complexity"]["sum"] for output in outputs),
            "fields": list(Entry._fields),
            "entries": chosen,
        }


def _message(row: JobRow) -> str:
    errors: Sequence[Any] = errors_of(row)
    return errors[-1].message if errors else ""


class IndexBook:
    """The indexes of a storage; the latest one asked for is kept in memory."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._kept: RunIndex | None = None

    async def find(self, run_id: str | None) -> RunIndex:
        """The index of a run, by default of the newest.  Raises: `Refusal` when there is none."""
        where = Filter(run_id=run_id, tasks=[index_task.name])
        rows, _ = await self._storage.query(where, limit=1)
        if not rows or rows[0].run_id is None:
            raise Refusal(404, "no_index", "nothing was indexed yet: POST /api/demo/index begins.")
        if self._kept is None or self._kept.run_id != rows[0].run_id:
            self._kept = RunIndex(self._storage, rows[0].run_id)
        return self._kept
