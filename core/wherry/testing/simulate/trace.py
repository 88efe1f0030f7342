"""What happened in a simulation, and what it should not have."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_SHOWN = 60


class Trace:
    """The steps of one run: each call at the store and each fault in order, nothing that differs by platform.

    Attributes:
        seed: replays it.
        lines: `MICROSECONDS PROCESS WHAT`, one a step.
        facts: what the run came to, as counts by name.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lines: list[str] = []
        self.facts: dict[str, int] = {}

    def add(self, at_s: float, who: str, what: str) -> None:
        self.lines.append(f"{int(at_s * 1_000_000)} {who} {what}")

    def count(self, fact: str) -> None:
        self.facts[fact] = self.facts.get(fact, 0) + 1

    @property
    def steps(self) -> int:
        return len(self.lines)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits; equal for equal runs, in CPython and in Pyodide."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]


class Violation(AssertionError):
    """An invariant did not hold.  The seed replays it.

    Attributes:
        rule: the id of FEATURES, or `attempts`, `liveness`, `crash`.
        trace: all steps up to the one that broke it.
    """

    def __init__(self, rule: str, message: str, trace: Trace) -> None:
        self.rule, self.trace = rule, trace
        self.seed, self.step = trace.seed, trace.steps
        shown = "\n".join(_last(trace.lines))
        super().__init__(f"{rule}: {message}\nseed {self.seed}, step {self.step}; its last steps:\n{shown}")


def _last(lines: Sequence[str]) -> Sequence[str]:
    return lines if len(lines) <= _SHOWN else [f"... {len(lines) - _SHOWN} more", *lines[-_SHOWN:]]
