"""`JobRow`, a job as a storage keeps it: one flat tuple, every field of it plain data."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from wherry.messages import FINAL_STATES, Edge, Home, Lapse, Payload, State, Wake


class JobState(StrEnum):
    """The eight states of a job.  `failed` is the dead-letter state."""

    BLOCKED = "blocked"
    PENDING = "pending"
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISABLED = "disabled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


class Slot(IntEnum):
    """Where a job stands in the claim index.  Only READY rows are ever searched by a claim."""

    READY = 0
    LATER = 1
    PARKED = 2
    BLOCKED = 3
    HELD = 4
    DONE = 5


class JobRow(NamedTuple):
    """Every field of a job (T6, and those that SYNC needs), as `get` and `query` return it."""

    id: str
    namespace: str
    queue: str
    task: str
    state: State
    input: Payload
    fingerprint: str
    priority: int
    priority_step_ms: int
    created_at_ms: int
    run_at_ms: int
    max_attempts: int
    base_attempts: int
    """What `requeue` grants again: the maximum as submitted."""
    backoff: Payload
    output: Payload | None = None
    errors: str = ""
    """One JSON object a line, one line a failed attempt."""
    attempt: int = 0
    interruptions: int = 0
    fence: int = 0
    epoch: int = 0
    revision: int = 1
    worker: str | None = None
    lease_until_ms: int | None = None
    deadline_at_ms: int | None = None
    timeout_ms: int | None = None
    started_at_ms: int | None = None
    attempted_at_ms: int | None = None
    finished_at_ms: int | None = None
    cancel_requested_at_ms: int | None = None
    percent: float | None = None
    message: str | None = None
    details: Payload | None = None
    run_id: str | None = None
    unique_key: str | None = None
    tags: tuple[str, ...] = ()
    trace: str | None = None
    after: tuple[Edge, ...] = ()
    waiting_for: int = 0
    """Parents that are not final yet, the job it stands behind among them."""
    doomed: str | None = None
    """`fail` or `cancel`, once a parent has failed and the edge says so."""
    wake: Wake | None = None
    lapse: Lapse | None = None
    """Why this job is over although nobody settled it, by the store's clock when it was read."""
    purge_at_ms: int | None = None
    hidden: bool = False
    code_hash: str = ""
    place: str = "either"
    home: Home = "local"
    origin: str | None = None
    origin_seq: int | None = None
    ordering_key: str | None = None
    behind: str | None = None
    """While blocked: the unfinished job of the same ordering key that comes just before it."""
