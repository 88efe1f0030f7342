"""`Filter` as a test of the memory storage's jobs, of as many parts as the filter has."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from operator import attrgetter

from wherry.messages import Filter
from wherry.storage.memory_book import Entry

Test = Callable[[Entry], bool]


def matching(where: Filter, now_ms: int) -> Test:
    """A test whether a job passes a filter."""
    tests = list(_tests(where, now_ms))
    if len(tests) == 1:
        return tests[0]
    return lambda entry: all(test(entry) for test in tests)


def _tests(where: Filter, now_ms: int) -> Iterator[Test]:
    yield _is_over(now_ms) if where.expired else _is_shown
    if where.lapsed:
        yield lambda entry: entry.lapse(now_ms) is not None
    if where.finished_for_ms is not None:
        yield _is_finished_before(now_ms - where.finished_for_ms)
    if where.tags:
        yield lambda entry: set(where.tags) <= set(entry.new.tags)
    named: tuple[tuple[str, Container[str | None] | None], ...] = (
        ("new.namespace", where.namespaces or None),
        ("id", where.ids),
        ("state", where.states),
        ("queue", where.queues),
        ("task", where.tasks),
        ("new.run_id", None if where.run_id is None else (where.run_id,)),
        ("new.fingerprint", None if where.fingerprint is None else (where.fingerprint,)),
    )
    for name, wanted in named:
        if wanted is not None:
            yield _is_one_of(name, wanted)


def _is_shown(entry: Entry) -> bool:
    return not entry.hidden


def _is_over(now_ms: int) -> Test:
    return lambda entry: entry.purge_at_ms is not None and entry.purge_at_ms <= now_ms


def _is_finished_before(at_ms: int) -> Test:
    return lambda entry: entry.final and entry.finished_at_ms is not None and entry.finished_at_ms <= at_ms


def _is_one_of(name: str, wanted: Container[str | None]) -> Test:
    value: Callable[[Entry], str | None] = attrgetter(name)
    return lambda entry: value(entry) in wanted
