"""What a verb's arguments must be beyond their types, checked before anything is stored.

Callers are other programs: what they say may be wrong or meant to harm.  Types, field by field,
were checked when the text was read (`wherry.storage.shapes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

from wherry.errors import MalformedRequest, NotJson, PayloadTooLarge
from wherry.messages import NewJob, RecordWrite, Report, Settlement, Signal
from wherry.storage.shapes import Misfit
from wherry.storage.wire import payload_problem

MAX_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999: no later instant has a datetime."""
MAX_DURATION_MS = 100 * 366 * 86_400_000
MAX_NAME = 1_000
"""Characters of an id, a queue, a key."""
MAX_COUNT = 2**53

_BOUNDS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("run_at_ms", "deadline_at_ms"), (0, MAX_INSTANT_MS)),
    **dict.fromkeys(("delay_ms", "timeout_ms", "lease_ms", "period_ms"), (0, MAX_DURATION_MS)),
    **dict.fromkeys(("ttl_ms", "after_ms", "retain_ms"), (0, MAX_DURATION_MS)),
    **dict.fromkeys(("limit", "fence", "max_attempts", "capacity", "priority_step_ms"), (0, MAX_COUNT)),
    "priority": (-1_000, 1_000),
}
_NAMES = frozenset(
    (
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
)
_NOT_EMPTY = frozenset(("id", "task", "token"))

Check = Callable[[Any], None]


def check(arguments: Mapping[str, Any], max_payload: int) -> None:
    """Check one verb's arguments.

    Raises: `MalformedRequest` (a number or a name out of bounds), `NotJson` (a payload that is no JSON
        text), `PayloadTooLarge`.
    """
    try:
        _check_members(arguments.items())
    except Misfit as misfit:
        raise MalformedRequest(str(misfit)) from None
    for path, text in _payloads(arguments):
        _check_payload(path, text, max_payload)


# --- numbers and names ---------------------------------------------------------------------------------
def _check_members(members: Iterable[tuple[str, Any]]) -> None:
    for name, value in members:
        try:
            if name in _BOUNDS or name in _NAMES:
                _check_of(name)(value)
            elif isinstance(value, tuple):
                _check_tuple(cast("tuple[Any, ...]", value))
        except Misfit as misfit:
            raise misfit.inside(name) from None


def _check_tuple(value: tuple[Any, ...]) -> None:
    if _is_record(value):
        _check_members(zip(cast("Any", value)._fields, value, strict=True))
        return
    for index, item in enumerate(value):
        if not isinstance(item, tuple):
            return
        try:
            _check_tuple(cast("tuple[Any, ...]", item))
        except Misfit as misfit:
            raise misfit.inside(f"[{index}]") from None


@cache
def _check_of(name: str) -> Check:
    """The check of a member, by its name."""
    if name in _BOUNDS:
        low, high = _BOUNDS[name]

        def in_bounds(value: Any) -> None:
            if value is not None and not low <= value <= high:
                raise Misfit(f"must be from {low} to {high}, not {value}")

        return in_bounds

    def is_name(value: Any) -> None:
        if value and isinstance(value, str) and len(value) > MAX_NAME:
            raise Misfit(f"must have at most {MAX_NAME} characters, not {len(value)}")
        if value == "" and name in _NOT_EMPTY:
            raise Misfit("must not be empty")

    return is_name


def _is_record(value: object) -> bool:
    return hasattr(value, "_fields")


# --- payloads ------------------------------------------------------------------------------------------
def _payloads(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        if isinstance(value, tuple) and not _is_record(cast("object", value)):
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
    if path.endswith(".error") and "\n" in text:
        # The row keeps one error a line.
        raise MalformedRequest(f"{path}: must be one line: write the JSON without line breaks")
