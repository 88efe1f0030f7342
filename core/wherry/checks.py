"""Checks of single values at the public doors: each says what is wrong with a value, or None."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast, get_args

from wherry.errors import InvalidInput
from wherry.messages import State

_MAX_TEXT = 1000
_CENTURY_S = 3_155_760_000
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""A century later is still an instant that Python and JavaScript can show."""


def priority(value: object) -> str | None:
    if not _is_int(value) or not -1000 <= cast("int", value) <= 1000:
        return f"must be a whole number from -1000 to 1000, not {value!r}"
    return None


def count(value: object) -> str | None:
    if not _is_int(value) or not 1 <= cast("int", value) <= 1_000_000:
        return f"must be a whole number from 1 to 1000000, not {value!r}"
    return None


def number(value: object) -> str | None:
    if not _is_int(value) or cast("int", value) < 0:
        return f"must be a whole number, not negative, not {value!r}"
    return None


def seconds(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return f"must be a number of seconds, not negative, not {value!r}"
    return None if value <= _CENTURY_S else f"must be at most {_CENTURY_S} seconds, a century, not {value!r}"


def positive_seconds(value: object) -> str | None:
    return seconds(value) or ("must be more than 0 seconds" if value == 0 else None)


def factor(value: object) -> str | None:
    if seconds(value) or cast("float", value) < 1:
        return f"must be a number of at least 1, not {value!r}"
    return None


def fraction(value: object) -> str | None:
    if seconds(value) or cast("float", value) > 1:
        return f"must lie between 0 and 1, not {value!r}"
    return None


def delays(value: object) -> str | None:
    return _each(value, seconds, "seconds") or (None if cast("Sequence[object]", value) else "names none")


def exceptions(value: object) -> str | None:
    return _each(value, _exception, "exception classes")


def _exception(value: object) -> str | None:
    if isinstance(value, type) and issubclass(value, BaseException):
        return None
    return f"must be an exception class, not {value!r}"


def lease(value: object) -> str | None:
    return seconds(value) or (
        f"must be at least 1 second, not {value!r}" if cast("float", value) < 1 else None
    )


def instant(value: object) -> str | None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return f"must be a datetime with a time zone, such as datetime.now(UTC), not {value!r}"
    if not _FIRST_YEAR < value.year < _LAST_YEAR:
        return f"must lie between {_FIRST_YEAR} and {_LAST_YEAR}, not {value.isoformat()!r}"
    return None


def text(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        return f"must be printable text of 1 to {_MAX_TEXT} characters, not {value!r}"
    return None


def cursor(value: object) -> str | None:
    return None if isinstance(value, str) else f"must be what an earlier answer gave, not {value!r}"


def queue(value: object) -> str | None:
    # The feed names a job's place as `queue/task`.
    return text(value) or ("must hold no '/'" if "/" in str(value) else None)


def queues(value: object) -> str | None:
    return _each(value, queue, "queue names") or _names_none(value, "every queue")


def namespace(value: object) -> str | None:
    return None if value == "" else queue(value)


def namespaces(value: object) -> str | None:
    return _each(value, namespace, "namespaces") or _names_none(value, "the storage's own")


def _names_none(value: object, otherwise: str) -> str | None:
    return None if value else f"names none; leave it out for {otherwise}"


def job_id(value: object) -> str | None:
    if problem := text(value):
        return problem
    if "/" in str(value) or len(str(value)) > 200:
        return "must have at most 200 characters and no '/'"
    return None


def unique(value: object) -> str | None:
    if callable(getattr(value, "of", None)):
        return None
    return text(value) and f"must be a key or a policy such as wherry.until_done(), not {value!r}"


def texts(value: object) -> str | None:
    return _each(value, text, "texts")


def _each(value: object, check: Callable[[object], str | None], what: str) -> str | None:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return f"must be a list of {what}, not {value!r}"
    for index, one in enumerate(cast("Sequence[object]", value)):
        if problem := check(one):
            return f"[{index}] {problem}"
    return None


def parents(value: object) -> str | None:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return f"must be a list of handles or ids, not {value!r}"
    for one in cast("Sequence[object]", value):
        if not isinstance(one if isinstance(one, str) else getattr(one, "id", None), str):
            return f"{one!r} is neither a handle nor an id"
    return None


def place(value: object) -> str | None:
    return (
        None
        if value in ("browser", "server", "either")
        else f"must be browser, server or either, not {value!r}"
    )


def isolation(value: object) -> str | None:
    return None if value in ("process", "worker") else f"must be 'process', 'worker' or None, not {value!r}"


def fields(value: object) -> str | None:
    return _each(value, _one_of(("state", "queue", "task")), "fields")


def some(check: Callable[[object], str | None], what: str) -> Callable[[object], str | None]:
    return lambda value: _each(value, check, what)


def _one_of(names: Sequence[str]) -> Callable[[object], str | None]:
    return lambda value: None if value in names else f"must be one of {', '.join(names)}, not {value!r}"


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


CHECKS = {
    "name": text,
    "task": text,
    "queue": queue,
    "queues": queues,
    "namespace": namespace,
    "namespaces": namespaces,
    "limit": count,
    "cursor": cursor,
    "by": fields,
    "priority": priority,
    "delay": seconds,
    "run_at": instant,
    "deadline": instant,
    "timeout": positive_seconds,
    "max_attempts": count,
    "run_id": text,
    "unique": unique,
    "ordering_key": text,
    "key": text,
    "seconds": positive_seconds,
    "tags": texts,
    "after": parents,
    "id": job_id,
    "place": place,
    "first": seconds,
    "factor": factor,
    "jitter": fraction,
    "delays": delays,
    "retry_on": exceptions,
    "never_retry": exceptions,
    "isolation": isolation,
    "concurrency": count,
    "lease": lease,
    "shutdown_timeout": seconds,
    "delete_after_completion": seconds,
    "delete_after_failure": seconds,
    "delete_after_cancellation": seconds,
    "keep_completed": number,
    "keep_failed": number,
    "keep_cancelled": number,
}
"""By the name of the argument; None always passes, where an argument may be left out."""


IN_FILTERS = {
    "namespaces": some(namespace, "namespaces"),
    "ids": texts,
    "states": some(_one_of(get_args(State)), "states"),
    "queues": some(queue, "queue names"),
    "tasks": texts,
    "run_id": text,
    "fingerprint": text,
    "tags": texts,
    "finished_for_ms": number,
}
"""By the field of a `Filter`."""

_Checks = Mapping[str, Callable[[object], str | None]]


def problems_in(values: Mapping[str, Any], checks: _Checks = CHECKS) -> list[str]:
    """Lines `name: what is wrong` for the values that do not pass."""
    return [
        f"{name}: {problem}"
        for name, value in values.items()
        if value is not None and name in checks and (problem := checks[name](value))
    ]


def require(what: str, values: Mapping[str, Any], checks: _Checks = CHECKS) -> None:
    """Raises `InvalidInput` for `what`, naming every value that is wrong."""
    problems = problems_in(values, checks)
    if problems:
        raise InvalidInput(what, problems)
