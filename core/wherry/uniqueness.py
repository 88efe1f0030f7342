"""Which job stands when the same work is submitted twice (U1): pure policies, kept as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from wherry.checks import require
from wherry.messages import Unique

Hold = Literal["queued", "done", "period"]


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """At most one job of a task holds a key; whoever submits it again gets a handle on that one.

    Make one with `while_queued`, `until_done` or `within`.  Without a key it is the input: the fingerprint
    of its canonical JSON, so that `{"a": 1, "b": 2}` and `{"b": 2, "a": 1}` are the same.
    """

    hold: Hold
    key: str | None = None
    period_ms: int = 0

    def of(self, namespace: str, task: str, fingerprint: str) -> Unique:
        """What a storage is asked to hold.  Keys of tasks and namespaces never meet."""
        key = f"input:{fingerprint}" if self.key is None else self.key
        # Without its slashes: the key "c" of a task "a/b" is not the key "b/c" of a task "a".
        name = task.replace("%", "%25").replace("/", "%2F") if "/" in task or "%" in task else task
        return Unique(f"{namespace}/{name}/{key}", self.hold, self.period_ms)

    def as_data(self) -> dict[str, Any]:
        """The policy as the manifest keeps it."""
        return {"hold": self.hold, "key": self.key, "period_ms": self.period_ms}


def while_queued(key: str | None = None) -> Uniqueness:
    """One waits at a time: the key is free again as soon as the job starts.  Raises: `InvalidInput`."""
    return _made("while_queued", "queued", key)


def until_done(key: str | None = None) -> Uniqueness:
    """One at a time: the key is free again when the job is final.  Raises: `InvalidInput`."""
    return _made("until_done", "done", key)


def within(seconds: float, key: str | None = None) -> Uniqueness:
    """One in every `seconds` from its submit, whatever becomes of it.  Raises: `InvalidInput`."""
    require("within", {"seconds": seconds})
    return _made("within", "period", key, max(1, round(seconds * 1000)))


def policy_of(unique: str | Uniqueness | None) -> Uniqueness | None:
    """What a caller says by `unique=`: a bare key means until done."""
    return Uniqueness("done", unique) if isinstance(unique, str) else unique


def from_data(facts: dict[str, Any] | None) -> Uniqueness | None:
    """A policy of the manifest."""
    return None if facts is None else Uniqueness(facts["hold"], facts.get("key"), facts.get("period_ms", 0))


def _made(what: str, hold: Hold, key: str | None, period_ms: int = 0) -> Uniqueness:
    require(what, {"key": key})
    return Uniqueness(hold, key, period_ms)
