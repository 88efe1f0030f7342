"""What travels between the core and a storage: small immutable tuples.

NamedTuples, because a claim builds one for every job: a frozen dataclass of this size
costs more than the rest of the claim (measured).  Payloads are JSON text that no storage parses.
Durations are integer milliseconds (`_ms`); instants are milliseconds since 1970 (`_at_ms`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, NewType

Cursor = NewType("Cursor", str)
"""Opaque place in a feed; `""` means "from now on"."""

Payload = str
"""JSON text (UTF-8 when measured), never parsed by a storage."""

State = Literal["blocked", "pending", "running", "suspended", "completed", "failed", "cancelled", "disabled"]
FINAL_STATES: tuple[State, ...] = ("completed", "failed", "cancelled", "disabled")

Verdict = Literal["ok", "lost", "cancel", "duplicate", "unknown", "refused"]
SettleKind = Literal["complete", "fail", "cancel", "disable", "retry", "snooze", "release", "suspend"]
Alteration = Literal["cancel", "requeue", "disable", "remove"]
ChangeKind = Literal[
    "added", "started", "progress", "retrying", "cancelling", "released", "suspended",
    "completed", "failed", "cancelled", "disabled", "removed",
]  # fmt: skip
Lapse = Literal["lease", "deadline", "doomed"]
OnFailure = Literal["fail", "run", "cancel"]
Home = Literal["local", "outbox", "moving", "remote"]

PRIORITY_STEP_MS = 2**42
"""One step of priority outweighs this much waiting: 139 years, so priority is strict."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a storage can promise, shown to people and checked when a server starts."""

    feed: Literal["log", "latest"]
    """Every transition, or only the latest state of a job."""
    atomic: Literal["batch", "job"]
    """One transaction a call, or one a job with the rest redone after a crash."""
    clock: Literal["store", "host", "caller"]
    """Whose clock judges leases."""
    durability: Literal["none", "process", "power"]
    """What a job outlives once `add` has returned."""
    priority: bool
    limits: bool
    """Gates (permits counted by the store) are kept."""
    shared: Literal["process", "origin", "host", "network"]
    """Who can work on one store at the same time."""
    max_payload: int
    """Bytes of one payload's JSON text in UTF-8."""
    reads_per_hour: int | None = None


class Gate(NamedTuple):
    """A limit as a count of live permits: `ttl_ms` for a rate, None for concurrency."""

    key: str
    capacity: int
    ttl_ms: int | None = None


class Unique(NamedTuple):
    """At most one job holds `key`, which already names namespace and task."""

    key: str
    hold: Literal["queued", "done", "period"]
    """Until the job is claimed, until it is final, or for `period_ms` from `add`."""
    period_ms: int = 0


class Edge(NamedTuple):
    """A parent that must be final first, and what its failure means for the child."""

    parent: str
    on_failure: OnFailure = "fail"


class NewJob(NamedTuple):
    """A job as its submitter makes it.  The id is the client's: adding it again changes nothing."""

    id: str
    namespace: str
    queue: str
    task: str
    input: Payload
    fingerprint: str = ""
    priority: int = 0
    """-1000..1000, lower runs first."""
    delay_ms: int | None = None
    """Relative to the store's clock; or `run_at_ms`, an instant asked for by a person."""
    run_at_ms: int | None = None
    deadline_at_ms: int | None = None
    timeout_ms: int | None = None
    max_attempts: int = 4
    backoff: Payload = "{}"
    """The retry policy as data, see `wherry.retry`; opaque to the storage."""
    unique: Unique | None = None
    after: tuple[Edge, ...] = ()
    gates: tuple[Gate, ...] = ()
    run_id: str | None = None
    tags: tuple[str, ...] = ()
    trace: str | None = None
    priority_step_ms: int = PRIORITY_STEP_MS
    """Smaller when the task ages: rank = priority * priority_step_ms + run_at_ms."""
    code_hash: str = ""
    place: str = "either"
    origin: str | None = None
    origin_seq: int | None = None
    ordering_key: str | None = None
    """Jobs of one key, which already names the namespace, run one at a time in the order of `add`."""


class Added(NamedTuple):
    """The job that stands after `add`, and what happened to the one that was offered."""

    id: str
    verdict: Verdict
    """`ok` new; `duplicate` the same id, or `id` holds the unique key; `refused` unknown parent."""


class Claimed(NamedTuple):
    """What a worker needs of a job that it has just leased."""

    id: str
    fence: int
    attempt: int
    task: str
    queue: str
    namespace: str
    input: Payload
    max_attempts: int
    interruptions: int
    backoff: Payload
    timeout_ms: int | None
    deadline_left_ms: int | None
    checkpoint: Payload | None
    """A JSON object of the steps recorded so far, or None."""
    trace: str | None


class ClaimRequest(NamedTuple):
    """Ask for up to `limit` jobs that this worker can run."""

    token: str
    """Repeating a request with the same token returns the jobs still leased under it."""
    worker: str
    namespaces: tuple[str, ...]
    queues: tuple[str, ...] | None
    """None: every queue."""
    tasks: tuple[str, ...]
    limit: int
    lease_ms: int
    ids: tuple[str, ...] | None = None
    """Only these jobs, if given."""


class Wake(NamedTuple):
    """Why a suspended job comes back; checked again in the suspending transaction."""

    after_ms: int | None = None
    signals: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


class Settlement(NamedTuple):
    """What follows an attempt, decided by the core and carried out by the storage."""

    id: str
    fence: int
    kind: SettleKind
    output: Payload | None = None
    error: Payload | None = None
    delay_ms: int = 0
    run_at_ms: int | None = None
    """Come back at this instant instead of after `delay_ms`."""
    wake: Wake | None = None
    retain_ms: int | None = None
    """None: keep.  0: hide now, the outcome is kept for 60 s for those who wait for it."""
    if_lapsed: bool = False
    """Only if the row's lease or deadline is over, or it is doomed, by the store's clock."""


class Exchanged(NamedTuple):
    """One verdict a settlement, in order; claimed jobs, best first; when to ask again."""

    verdicts: Sequence[Verdict]
    jobs: Sequence[Claimed]
    next_due_in_ms: int | None


class Lease(NamedTuple):
    id: str
    fence: int


class Report(NamedTuple):
    """News of a running attempt: progress, log lines, one finished step."""

    id: str
    fence: int
    percent: float | None = None
    message: str | None = None
    details: Payload | None = None
    logs: tuple[Payload, ...] = ()
    step: tuple[str, Payload] | None = None


class Signal(NamedTuple):
    """A message for a suspended job; `dedup` makes repeats harmless."""

    job_id: str
    name: str
    payload: Payload
    dedup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs; every given part must hold.  Hidden jobs match only `expired`."""

    namespaces: Sequence[str] = ()
    """Empty: all of them."""
    ids: Sequence[str] | None = None
    states: Sequence[State] | None = None
    queues: Sequence[str] | None = None
    tasks: Sequence[str] | None = None
    run_id: str | None = None
    fingerprint: str | None = None
    tags: Sequence[str] = ()
    """All of these."""
    finished_for_ms: int | None = None
    """Final for at least so long, by the store's clock."""
    lapsed: bool = False
    """Lease over, deadline over, or doomed by a parent; see `JobRow.lapse`."""
    expired: bool = False
    """Retention over: to be removed, hidden jobs included."""
    oldest_first: bool = False


class Change(NamedTuple):
    """One transition.  `revision` grows by one a change of the job, so readers drop repeats."""

    job_id: str
    namespace: str
    kind: ChangeKind
    revision: int
    lane: str
    """`queue/task`, so that only those who can run it wake."""


class Changes(NamedTuple):
    items: Sequence[Change]
    cursor: Cursor
    resync: bool
    """The cursor is too old, of another store or beyond the head: read state again."""


class Record(NamedTuple):
    kind: str
    key: str
    version: int
    value: Payload


class RecordWrite(NamedTuple):
    """Compare and swap: `expected` 0 = must not exist, None = whatever stands; value None = delete."""

    kind: str
    key: str
    expected: int | None
    value: Payload | None


Counts = Mapping[tuple[str, ...], int]
