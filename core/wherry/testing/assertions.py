"""Says what was submitted, and when it was something else, what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from wherry.client import Client
from wherry.job import JobRow
from wherry.messages import Filter
from wherry.storage.protocol import Storage
from wherry.task import Task

ANY: Final = object()
"""Whatever the input was."""

_SHOWN = 20


async def assert_submitted(
    where: Storage | Client, task: Task[Any, Any] | str, input: object = ANY, /, **options: Any
) -> JobRow:
    """Assert that a job of this task was submitted, finished by now or not, and return the newest such.

    Args:
        where: a storage, or a client whose namespaces are looked at.
        task: a task or its name.
        input: what it was given; left out, any input will do.
        options: fields of `JobRow` (`queue`, `priority`, `state`, `max_attempts`, `run_id`,
            `ordering_key`, ...); `tags`, all of which it must have; `delay` in seconds and `run_at`,
            an aware datetime, which tell when it was due at first unless it has run since.

    Raises:
        AssertionError: there is none; the text shows what there is instead.
    """
    storage = where.storage if isinstance(where, Client) else where
    name = task if isinstance(task, str) else task.name
    wanted = input if input is ANY or isinstance(task, str) else task.dump_input(input)[1]
    rows, _ = await storage.query(Filter(tasks=(name,)), limit=10_000)
    for row in rows:
        if (wanted is ANY or json.loads(row.input) == wanted) and not _differences(row, options):
            return row
    asked = name if wanted is ANY else f"{name} with {json.dumps(wanted, ensure_ascii=False)}"
    if options:
        asked += f" and {options}"
    raise AssertionError(f"no job was submitted of {asked}. {await _found(storage, name, rows, options)}")


def _differences(row: JobRow, options: dict[str, Any]) -> dict[str, object]:
    """The options that the job does not have, with what it has instead."""
    has = {name: _value(row, name) for name in options}
    return {name: has[name] for name, value in options.items() if not _fits(name, value, has[name])}


def _value(row: JobRow, name: str) -> object:
    if name == "delay":
        return (row.run_at_ms - row.created_at_ms) / 1000
    if name == "run_at":
        return row.run_at_ms / 1000
    if name not in JobRow._fields:
        raise TypeError(
            f"{name!r} is no option of assert_submitted: name a field of JobRow, delay or run_at."
        )
    return getattr(row, name)


def _fits(name: str, wanted: Any, has: Any) -> bool:
    if name == "tags":
        return set(wanted) <= set(has)
    if isinstance(wanted, datetime):
        return round(wanted.timestamp() * 1000) == round(has * 1000)
    return bool(wanted == has)


async def _found(storage: Storage, name: str, rows: Sequence[JobRow], options: dict[str, Any]) -> str:
    if not rows:
        others = sorted(key[0] for key in await storage.count(Filter(), by=("task",)))
        return (
            f"There is none of this task, but of: {', '.join(others)}."
            if others
            else "There is no job at all."
        )
    lines = [f"  {row.input[:200]} ({row.state}) {_differences(row, options) or ''}".rstrip() for row in rows]
    return "\n".join([f"There are {len(rows)} of {name}:", *lines[:_SHOWN]])
