"""What a verb's arguments must be beyond their types, checked before anything is stored.

Callers are other programs: what they say may be wrong or meant to harm.  Types, field by field,
were checked when the text was read (`wherry.storage.shapes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from wherry.errors import MalformedRequest, NotJson, PayloadTooLarge
from wherry.messages import NewJob, RecordWrite, Report, Settlement, Signal
from wherry.storage.wire import payload_problem

MAX_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999: no later instant has a datetime."""
MAX_DURATION_MS = 100 * 366 * 86_400_000
MAX_NAME = 1_000
"""Characters of an id, a queue, a key."""

_INSTANTS = ("run_at_ms", "deadline_at_ms")
_DURATIONS = (
    "delay_ms",
    "timeout_ms",
    "lease_ms",
    "period_ms",
    "ttl_ms",
    "after_ms",
    "retain_ms",
    "finished_for_ms",
)
_COUNTS = ("limit", "fence", "max_attempts", "capacity", "priority_step_ms")
_NAMES = (
    "id",
    "namespace",
    "queue",
    "task",
    "key",
    "kind",
    "token",
    "worker",
    "name",
    "dedup",
    "parent",
    "run_id",
)
_NOT_EMPTY = ("id", "task", "token")


def check(arguments: Mapping[str, Any], max_payload: int) -> None:
    """Check one verb's arguments.

    Raises: `MalformedRequest` (a number or a name out of bounds), `NotJson` (a payload that is no JSON
        text), `PayloadTooLarge`.
    """
    for path, value in _walk("", arguments.items()):
        _check_one(path, value)
    for path, text in _payloads(arguments):
        _check_payload(path, text, max_payload)


def _walk(path: str, named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Every named value in the arguments with its path, as deep as the messages nest."""
    for name, value in named:
        place = f"{path}.{name}" if path else name
        yield place, value
        if _is_record(value):
            yield from _walk(place, value._asdict().items())
        elif isinstance(value, tuple):
            for index, item in enumerate(cast("tuple[Any, ...]", value)):
                if _is_record(item):
                    yield from _walk(f"{place}[{index}]", item._asdict().items())


def _is_record(value: Any) -> bool:
    return hasattr(value, "_asdict")


def _check_one(path: str, value: Any) -> None:
    name = path.rpartition(".")[2]
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = _bounds(name)
        if not low <= value <= high:
            raise MalformedRequest(f"{path}: must be from {low} to {high}, not {value}")
    elif isinstance(value, str) and name in _NAMES:
        if len(value) > MAX_NAME:
            raise MalformedRequest(f"{path}: must have at most {MAX_NAME} characters, not {len(value)}")
        if not value and name in _NOT_EMPTY:
            raise MalformedRequest(f"{path}: must not be empty")


def _bounds(name: str) -> tuple[int, int]:
    if name in _INSTANTS:
        return 0, MAX_INSTANT_MS
    if name in _DURATIONS:
        return 0, MAX_DURATION_MS
    if name == "priority":
        return -1_000, 1_000
    return (0 if name in _COUNTS else -(2**53)), 2**53


def _payloads(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        if isinstance(value, tuple) and not _is_record(value):
            for index, item in enumerate(cast("tuple[Any, ...]", value)):
                for member, text in _payloads_of(item):
                    if text is not None:
                        yield f"{name}[{index}].{member}", text


def _payloads_of(item: object) -> Sequence[tuple[str, str | None]]:
    match item:
        case NewJob():
            return (("input", item.input), ("backoff", item.backoff))
        case Settlement():
            return (("output", item.output), ("error", item.error))
        case Report():
            logs = [(f"logs[{number}]", line) for number, line in enumerate(item.logs)]
            return (("details", item.details), ("step[1]", item.step[1] if item.step else None), *logs)
        case Signal():
            return (("payload", item.payload),)
        case RecordWrite():
            return (("value", item.value),)
        case _:
            return ()


def _check_payload(path: str, text: str, max_payload: int) -> None:
    size = len(text) if text.isascii() else len(text.encode())
    if size > max_payload:
        raise PayloadTooLarge(path, size, max_payload)
    problem = payload_problem(text)
    if problem is not None:
        raise NotJson(path, f"text that is no JSON ({problem})")
