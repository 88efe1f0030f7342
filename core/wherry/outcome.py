"""`Outcome`: what became of an input that was run here and now.

`if outcome.error is None` tells the two forms apart, for people and for type checkers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar

Out_co = TypeVar("Out_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """`name` of the task; instants by this process's clock; `job_id` None where nothing was stored."""

    name: str
    enqueued: datetime
    started: datetime | None
    completed: datetime
    job_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded(_Run, Generic[Out_co]):
    """The handler returned."""

    output: Out_co
    error: None = None
    status: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Run):
    """The handler raised, was cancelled, or never ran (`not_run`)."""

    error: BaseException
    output: None = None
    status: Literal["failed", "cancelled", "not_run"] = "failed"


Outcome: TypeAlias = Succeeded[Out_co] | Failed
