"""What may be said of a task, and of one submit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from wherry.messages import Payload
from wherry.retry import Backoff
from wherry.uniqueness import Uniqueness

if TYPE_CHECKING:
    from wherry.handle import JobHandle

Place = Literal["browser", "server", "either"]
Isolation = Literal["process", "worker"]

AGING_STEP_MS = 60_000
"""With `aging`, one step of priority is worth a minute of waiting."""


class TaskOptions(TypedDict, total=False):
    """Defaults of a task; durations in seconds.

    `retry_on`: only these exceptions (and `RetryableError`, timeouts, lost workers) are tried again; by
    default all are.  `never_retry`: these never are, and win.  `PermanentError` never is.

    `isolation="process"` runs the handler in a process of its own, on servers only, which is killed when
    the job is cancelled, times out or is lost.  `isolation="worker"` does the same on servers, and in a tab
    it runs the handler in a worker of its own.
    """

    queue: str
    max_attempts: int
    timeout: float | None
    retry: Backoff
    retry_on: Sequence[type[BaseException]]
    never_retry: Sequence[type[BaseException]]
    priority: int
    place: Place
    aging: bool
    isolation: Isolation | None
    tags: Sequence[str]
    unique: str | Uniqueness | None
    ordering_key: str | None


class JobOptions(TypedDict, total=False):
    """What one submit may say; durations in seconds, instants as aware datetimes."""

    priority: int
    delay: float
    run_at: datetime
    deadline: datetime
    timeout: float
    max_attempts: int
    run_id: str
    unique: str | Uniqueness | None
    tags: Sequence[str]
    after: Sequence[JobHandle[Any] | str]
    ordering_key: str | None
    id: str


class Defaults(NamedTuple):
    """What a task gives each of its jobs, from its code or from the storage's manifest."""

    name: str
    queue: str
    max_attempts: int
    backoff: Payload
    timeout_ms: int | None
    priority: int
    priority_step_ms: int
    place: str
    tags: tuple[str, ...]
    code_hash: str
    ordering_key: str | None = None
    unique: Uniqueness | None = None
