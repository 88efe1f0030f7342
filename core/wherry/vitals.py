"""Worker vitals (R18): one record a worker, written slowly, never for a job."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from wherry.messages import Record, RecordWrite
from wherry.storage.protocol import Storage
from wherry.views import instant

PERIOD_S = 10.0
STALE_S = 45.0
"""Vitals that were not renewed for so long are those of a dead worker."""

KIND = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerVitals:
    """What a worker last told of itself, by its host's clock.

    `queues` None means every queue; `active` jobs of at most `concurrency` are under way; `done` counts
    attempts that were settled since it started; `last_claim_at` is when the storage last answered a claim,
    jobs or not.
    """

    name: str
    host: str
    pid: int
    namespaces: tuple[str, ...]
    queues: tuple[str, ...] | None
    tasks: tuple[str, ...]
    concurrency: int
    active: int
    done: int
    started_at: datetime
    last_claim_at: datetime | None
    last_finish_at: datetime | None
    heartbeat_at: datetime

    @property
    def is_busy(self) -> bool:
        return self.active >= self.concurrency

    def takes(self, namespace: str, queue: str, task: str) -> bool:
        """Whether it would claim such a job."""
        return (
            namespace in self.namespaces
            and task in self.tasks
            and (self.queues is None or queue in self.queues)
        )


async def read_workers(storage: Storage, now_ms: int | None = None) -> list[WorkerVitals]:
    """The workers whose heart has beaten lately."""
    since_ms = (time.time_ns() // 1_000_000 if now_ms is None else now_ms) - STALE_S * 1000
    told = [_vitals(record) for record in await storage.read(KIND)]
    return [one for one in told if one.heartbeat_at.timestamp() * 1000 >= since_ms]


def _vitals(record: Record) -> WorkerVitals:
    facts = cast("dict[str, Any]", json.loads(record.value))
    for name in ("started_at", "last_claim_at", "last_finish_at", "heartbeat_at"):
        at_ms = facts.pop(f"{name}_ms")
        facts[name] = None if at_ms is None else instant(at_ms)
    for name in ("namespaces", "queues", "tasks"):
        facts[name] = None if facts[name] is None else tuple(facts[name])
    return WorkerVitals(**facts)


def vitals_write(vitals: WorkerVitals) -> RecordWrite:
    """The write that tells them."""
    names = (name for name in WorkerVitals.__slots__ if not name.startswith("_"))
    facts = {name: getattr(vitals, name) for name in names}
    text = {
        f"{name}_ms" if name.endswith("_at") else name: round(value.timestamp() * 1000)
        if isinstance(value, datetime)
        else value
        for name, value in facts.items()
    }
    return RecordWrite(KIND, vitals.name, None, json.dumps(text))


class StaleWorkers:
    """Finds vitals that nobody renews, by a clock that never jumps: those of other hosts may."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def removals(self, records: list[Record], steady_s: float) -> list[RecordWrite]:
        """Deletes of what has not changed for `STALE_S`; one that changes meanwhile is left alone."""
        seen = {record.key: self._seen.get(record.key, (0, 0.0)) for record in records}
        self._seen = {
            record.key: seen[record.key]
            if seen[record.key][0] == record.version
            else (record.version, steady_s)
            for record in records
        }
        return [
            RecordWrite(KIND, record.key, record.version, None)
            for record in records
            if steady_s - self._seen[record.key][1] > STALE_S
        ]
