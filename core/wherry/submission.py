"""From what a caller says to a `NewJob`; everything that can be wrong is found here, before anything is stored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from wherry.canonical import fingerprint
from wherry.errors import InvalidInput
from wherry.ids import new_id
from wherry.messages import PRIORITY_STEP_MS, Edge, NewJob, Payload, Unique
from wherry.schema import problems_with
from wherry.task import JobOptions, Task
from wherry.validation import check_size, require_json

_MAX_TEXT = 1000


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


def defaults_of(task: Task[Any, Any]) -> Defaults:
    timeout_ms = None if task.timeout is None else round(task.timeout * 1000)
    return Defaults(
        task.name, task.queue, task.max_attempts, task.retry.as_payload(), timeout_ms, task.priority,
        task.priority_step_ms, task.place, task.tags, task.code_hash,
    )  # fmt: skip


class ManifestEntry:
    """A task that only the manifest knows: defaults as data, and a JSON Schema instead of types."""

    def __init__(self, text: Payload) -> None:
        facts = cast("dict[str, Any]", json.loads(text))
        self.name = str(facts["name"])
        self._schema: dict[str, Any] = facts.get("schema", {})
        self.defaults = Defaults(
            self.name, facts["queue"], facts["max_attempts"], facts["backoff"], facts["timeout_ms"], facts["priority"],
            facts.get("priority_step_ms", PRIORITY_STEP_MS), facts["place"], tuple(facts.get("tags", ())), facts["code_hash"],
        )  # fmt: skip

    def dump_input(self, value: object) -> tuple[Payload, Any]:
        """Raises: `InvalidInput`, `NotJson`."""
        require_json(value)
        problems = problems_with(value, self._schema)
        if problems:
            raise InvalidInput(self.name, problems)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")), value


def new_job(
    defaults: Defaults, text: Payload, plain: Any, options: JobOptions, *, namespace: str, max_payload: int
) -> NewJob:
    """A job ready to be stored.  Raises: `InvalidInput`, `PayloadTooLarge`."""
    check_size(text, max_payload, f"the input of {defaults.name}")
    check(options)
    delay, timeout, unique = options.get("delay"), options.get("timeout"), options.get("unique")
    return NewJob(
        id=options.get("id") or new_id(),
        namespace=namespace,
        queue=defaults.queue,
        task=defaults.name,
        input=text,
        fingerprint=fingerprint(plain),
        priority=options.get("priority", defaults.priority),
        delay_ms=None if delay is None else round(delay * 1000),
        run_at_ms=_at_ms(options.get("run_at")),
        deadline_at_ms=_at_ms(options.get("deadline")),
        timeout_ms=defaults.timeout_ms if timeout is None else round(timeout * 1000),
        max_attempts=options.get("max_attempts", defaults.max_attempts),
        backoff=defaults.backoff,
        unique=None if unique is None else Unique(f"{namespace}/{defaults.name}/{unique}", "done"),
        after=tuple(Edge(parent if isinstance(parent, str) else parent.id) for parent in options.get("after", ())),
        run_id=options.get("run_id"),
        tags=tuple(dict.fromkeys([*defaults.tags, *options.get("tags", ())])),
        priority_step_ms=defaults.priority_step_ms,
        code_hash=defaults.code_hash,
        place=defaults.place,
    )


def _at_ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


# --- the door ---------------------------------------------------------------------------------------
def check(options: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` that names every option which is wrong."""
    problems = [f"{name}: no such option; there are {', '.join(_CHECKS)}" for name in options if name not in _CHECKS]
    for name, check_one in _CHECKS.items():
        value = options.get(name)
        if value is not None and (problem := check_one(value)):
            problems.append(f"{name}: {problem}")
    if options.get("delay") is not None and options.get("run_at") is not None:
        problems.append("delay: give either delay or run_at, not both")
    if problems:
        raise InvalidInput("submit", problems)


def _priority(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not -1000 <= value <= 1000:
        return f"must be a whole number from -1000 to 1000, not {value!r}"
    return None


def _seconds(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return f"must be a number of seconds, not negative, not {value!r}"
    return None


def _timeout(value: object) -> str | None:
    return _seconds(value) or ("must be more than 0 seconds" if value == 0 else None)


def _instant(value: object) -> str | None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return f"must be a datetime with a time zone, such as datetime.now(UTC), not {value!r}"
    return None


def _count(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        return f"must be a whole number from 1 to 1000000, not {value!r}"
    return None


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        return f"must be printable text of 1 to {_MAX_TEXT} characters, not {value!r}"
    return None


def _job_id(value: object) -> str | None:
    problem = _text(value)
    if problem is None and ("/" in str(value) or len(str(value)) > 200):
        return "must have at most 200 characters and no '/'"
    return problem


def _texts(value: object) -> str | None:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return f"must be a list of texts, not {value!r}"
    return next((f"[{i}] {problem}" for i, one in enumerate(cast("Sequence[object]", value)) if (problem := _text(one))), None)


def _parents(value: object) -> str | None:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return f"must be a list of handles or ids, not {value!r}"
    parents = cast("Sequence[object]", value)
    return next((f"{one!r} is neither a handle nor an id" for one in parents if not _is_job(one)), None)


def _is_job(value: object) -> bool:
    return isinstance(value if isinstance(value, str) else getattr(value, "id", None), str)


_CHECKS = {
    "priority": _priority,
    "delay": _seconds,
    "run_at": _instant,
    "deadline": _instant,
    "timeout": _timeout,
    "max_attempts": _count,
    "run_id": _text,
    "unique": _text,
    "tags": _texts,
    "after": _parents,
    "id": _job_id,
}
