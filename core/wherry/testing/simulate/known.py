"""What is known of one job of a simulation, and what its row must say therefore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wherry.job import JobRow
from wherry.messages import FINAL_STATES, NewJob, Payload
from wherry.retry import MAX_INTERRUPTIONS
from wherry.testing.simulate.machine import Machine


class Broken(Exception):
    """Raised inside the ledger: what does not hold."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule, self.message = rule, message


class Holder(NamedTuple):
    """Who runs a job, by what the store answered."""

    machine: Machine
    until_ms: int
    """By the store's clock."""
    lease_s: float
    claimed_s: float
    renewed_s: float
    """Both by true time."""


@dataclass(slots=True)
class Known:
    """One job as the ledger has it."""

    new: NewJob
    number: int
    row: JobRow | None = None
    fence: int = 0
    attempt: int = 0
    holder: Holder | None = None
    settled: tuple[int, str] | None = None
    completed: Payload | None = None
    outputs: dict[int, Payload] = field(default_factory=dict[int, Payload])
    """What its executions returned, by fence."""
    removed: bool = False
    asked: bool = False
    """To stop, while it ran."""
    place: int = 0
    """In the line of its ordering key."""

    @property
    def is_final(self) -> bool:
        return self.removed or (self.row is not None and self.row.state in FINAL_STATES)


def compare(known: Known, row: JobRow, told: Sequence[int], *, put_back: bool) -> None:
    """What a row must say after what is known of its job, and the feed with it."""
    number, before = known.number, known.row
    require(row.fence == known.fence, "R4", f"job {number} has fence {row.fence}, given was {known.fence}")
    require(row.attempt == known.attempt, "attempts", f"job {number} counts {row.attempt} attempts")
    require(row.attempt <= row.max_attempts, "attempts", f"job {number} used more attempts than it has")
    require(row.interruptions <= MAX_INTERRUPTIONS, "attempts", f"job {number} is interrupted for ever")
    held = known.holder is not None
    require((row.state == "running") == held, "R4", f"job {number} is {row.state}, held: {held}")
    if row.state == "completed":
        require(row.output == known.completed, "Q3", f"the result of job {number} is not the accepted one")
    start = 0 if before is None else before.revision
    expected = list(range(start + 1, row.revision + 1))
    require(list(told) == expected, "Q12", f"job {number} went to revision {row.revision}, told: {told}")
    if before is not None and before.state != row.state:
        require(bool(told), "Q12", f"job {number} became {row.state} and nobody was told")
        back = before.state in FINAL_STATES and not put_back
        require(not back, "Q3", f"job {number} was {before.state} and became {row.state}")


def require(held: bool, rule: str, message: str) -> None:
    """Raises `Broken` unless it holds."""
    if not held:
        raise Broken(rule, message)
