"""`Job`: a job as people read it, a union that its state tells apart (T7).

Built only when a person reads; storages and workers use `JobRow`.
Narrow with `match` or `isinstance`; comparing `state` with a bare string narrows to Never.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast, dataclass_transform

from wherry.job import JobRow, JobState
from wherry.messages import FINAL_STATES

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AttemptError:
    """What one attempt raised."""

    attempt: int
    type: str
    message: str
    code: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`percent` 0 to 100, a line for people, any JSON value."""

    percent: float
    message: str | None = None
    details: Any = None


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _view(cls: type[T]) -> type[T]:
    """A frozen dataclass whose methods are those of `JobBase`.

    To generate them for eight classes of thirty fields took a fifth of the time that importing wherry takes,
    for which a tab waits.
    """
    return dataclass(frozen=True, slots=True, kw_only=True, init=False, eq=False, repr=False)(cls)


@_view
class JobBase(Generic[In]):
    """What every job has."""

    id: str
    namespace: str
    queue: str
    task: str
    input: In
    priority: int
    attempts: int
    max_attempts: int
    interruptions: int
    errors: tuple[AttemptError, ...]
    progress: Progress | None
    created_at: datetime
    run_at: datetime
    deadline_at: datetime | None
    timeout: float | None
    started_at: datetime | None
    last_attempt_at: datetime | None
    cancel_requested_at: datetime | None
    run_id: str | None
    unique_key: str | None
    ordering_key: str | None
    fingerprint: str
    tags: tuple[str, ...]
    fence: int
    revision: int

    def __init__(self, **facts: Any) -> None:
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def _facts(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(cast("Any", self))]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._facts() == cast("JobBase[Any]", other)._facts()

    def __hash__(self) -> int:
        return hash((type(self), *self._facts()))

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self._facts())
        return f"{type(self).__qualname__}({facts})"


@_view
class BlockedJob(JobBase[In]):
    state: Literal[JobState.BLOCKED]
    after: tuple[str, ...]
    behind: str | None
    """The job of the same `ordering_key` that must be final first."""


@_view
class PendingJob(JobBase[In]):
    state: Literal[JobState.PENDING]


@_view
class RunningJob(JobBase[In]):
    state: Literal[JobState.RUNNING]
    worker: str
    lease_until: datetime


@_view
class SuspendedJob(JobBase[In]):
    state: Literal[JobState.SUSPENDED]


@_view
class CompletedJob(JobBase[In], Generic[In, Out]):
    state: Literal[JobState.COMPLETED]
    output: Out
    finished_at: datetime


@_view
class FailedJob(JobBase[In]):
    state: Literal[JobState.FAILED]
    error: AttemptError
    finished_at: datetime


@_view
class CancelledJob(JobBase[In]):
    state: Literal[JobState.CANCELLED]
    finished_at: datetime


@_view
class DisabledJob(JobBase[In]):
    state: Literal[JobState.DISABLED]
    finished_at: datetime


Job: TypeAlias = (
    BlockedJob[In]
    | PendingJob[In]
    | RunningJob[In]
    | SuspendedJob[In]
    | CompletedJob[In, Out]
    | FailedJob[In]
    | CancelledJob[In]
    | DisabledJob[In]
)

_SHARED = (
    *("id", "namespace", "queue", "task", "priority", "max_attempts", "interruptions"),
    *("run_id", "unique_key", "ordering_key", "fingerprint", "tags", "fence", "revision"),
)
_UNKNOWN = AttemptError(0, "WherryError", "no error was recorded", "error", "")


def view(row: JobRow, input: Any = None, output: Any = None) -> Job[Any, Any]:
    """The view of a row, with input and output as the task's own types if the caller loaded them."""
    base = _base(row, input)
    if row.state in FINAL_STATES:
        return _final_view(row, base, output)
    if row.state == "running":
        return RunningJob(**base, worker=row.worker or "", lease_until=instant(row.lease_until_ms or 0))
    if row.state == "blocked":
        return BlockedJob(**base, after=tuple(edge.parent for edge in row.after), behind=row.behind)
    return SuspendedJob(**base) if row.state == "suspended" else PendingJob(**base)


def _final_view(row: JobRow, base: dict[str, Any], output: Any) -> Job[Any, Any]:
    finished_at = instant(row.finished_at_ms or 0)
    if row.state == "completed":
        return CompletedJob(**base, output=output, finished_at=finished_at)
    if row.state == "failed":
        return FailedJob(**base, error=(errors_of(row) or (_UNKNOWN,))[-1], finished_at=finished_at)
    if row.state == "cancelled":
        return CancelledJob(**base, finished_at=finished_at)
    return DisabledJob(**base, finished_at=finished_at)


def _base(row: JobRow, input: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SHARED} | {
        "state": JobState(row.state),
        "input": input,
        "attempts": row.attempt,
        "errors": errors_of(row),
        "progress": progress_of(row),
        "created_at": instant(row.created_at_ms),
        "run_at": instant(row.run_at_ms),
        "deadline_at": _instant(row.deadline_at_ms),
        "timeout": None if row.timeout_ms is None else row.timeout_ms / 1000,
        "started_at": _instant(row.started_at_ms),
        "last_attempt_at": _instant(row.attempted_at_ms),
        "cancel_requested_at": _instant(row.cancel_requested_at_ms),
    }


def errors_of(row: JobRow) -> tuple[AttemptError, ...]:
    """Every failed attempt's error, oldest first."""
    return errors_in(row.errors)


def errors_in(lines: str) -> tuple[AttemptError, ...]:
    """The same, from the lines as they are stored."""
    # Not `splitlines`: JavaScript leaves U+2028 as it is inside a JSON string.
    found = (json.loads(line) for line in lines.split("\n") if line)
    return tuple(
        AttemptError(
            one.get("attempt", 0),
            one.get("type", "Error"),
            one.get("message", ""),
            one.get("code", "error"),
            one.get("traceback", ""),
        )
        for one in found
    )


def progress_of(row: JobRow) -> Progress | None:
    if row.percent is None:
        return None
    return Progress(row.percent, row.message, json.loads(row.details) if row.details else None)


def instant(at_ms: int) -> datetime:
    """An aware datetime, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _instant(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else instant(at_ms)
