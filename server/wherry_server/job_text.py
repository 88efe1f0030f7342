"""A job as JSON text for people and other languages.

Payloads are placed into the text as they are, never parsed: integers beyond 2**53 and the
writer's own number forms reach those who can read them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wherry.job import JobRow
from wherry.messages import Edge
from wherry.storage.shapes import fields_of
from wherry.storage.wire import payload_problem

_PLAIN = (
    "id", "namespace", "queue", "task", "state", "priority", "attempt", "max_attempts", "interruptions",
    "percent", "message", "created_at_ms", "run_at_ms", "deadline_at_ms", "started_at_ms", "attempted_at_ms",
    "finished_at_ms", "cancel_requested_at_ms", "lease_until_ms", "timeout_ms", "worker", "run_id",
    "unique_key", "fingerprint", "tags", "trace", "waiting_for", "place", "home", "origin", "fence",
    "revision", "ordering_key", "behind",
)  # fmt: skip


def job_text(row: JobRow) -> str:
    """One JSON object, see `members`."""
    texts = {name: _dump(getattr(row, name)) for name in _PLAIN}
    texts["input"] = _raw(row.input)
    texts["output"] = _raw(row.output)
    texts["details"] = _raw(row.details)
    texts["errors"] = _list(map(_raw, filter(None, row.errors.split("\n"))))
    texts["after"] = _list(map(_edge, row.after))
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


def _list(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _edge(edge: Edge) -> str:
    return _dump({"job": edge.parent, "on_failure": edge.on_failure})


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _raw(payload: str | None) -> str:
    # What another program wrote into the store may be no JSON: shown as text, so that the whole stays JSON.
    if payload is None:
        return "null"
    return _dump(payload) if payload_problem(payload) else payload


_SAID: Mapping[str, str] = {
    "state": "`pending` with a future `run_at_ms` is scheduled; `failed` is the dead-letter state.",
    "priority": "Lower runs first.",
    "interruptions": "Attempts that were not the job's fault and not charged.",
    "fingerprint": "SHA-256 of the input's canonical JSON.",
    "waiting_for": "Jobs in `after` that are not final yet.",
    "revision": "Grows by one a change.",
    "input": "Any JSON value; integers may be beyond 2**53.",
    "output": "Any JSON value; null until the job is completed.",
    "details": "What the handler's last progress report held.",
    "errors": "One object a failed attempt, oldest first.",
}

_MADE: Mapping[str, Any] = {
    "input": Any,
    "output": Any,
    "details": Any,
    "errors": Sequence[Any],
    "after": {"type": "array", "items": {"type": "object"}},
}


def members() -> list[tuple[str, Any, str]]:
    """Name, annotation and meaning of each member of `job_text`, for the OpenAPI document."""
    hints = {one.name: one.hint for one in fields_of(JobRow)}
    names = (*_PLAIN, *_MADE)
    return [(name, _MADE.get(name, hints.get(name)), _SAID.get(name, "")) for name in names]
