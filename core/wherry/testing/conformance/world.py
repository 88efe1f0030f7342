"""What a conformance case is given, and how it is registered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple

from wherry.clock import ManualClock
from wherry.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class World:
    """One empty store, opened for one case."""

    storage: Storage
    clock: ManualClock
    """The clock by which the store judges; it moves only when the case moves it."""
    second: Callable[[], AbstractAsyncContextManager[Storage]]
    """Opens the same store once more, as another process or tab would where that is possible."""


Run = Callable[[World], Awaitable[None]]


class Case(NamedTuple):
    """One behaviour that every storage has."""

    name: str
    """A sentence, with underscores for spaces."""
    features: tuple[str, ...]
    """Feature ids that the case decides in part."""
    run: Run


CASES: dict[str, Case] = {}
"""Every case by name, in the order of the files."""


def case(*features: str) -> Callable[[Run], Run]:
    """Register a coroutine function as a case.

    It runs under CPython and in Pyodide alike: plain `assert` with what was found as the message,
    no threads, no subprocess, no sleep.
    """

    def register(run: Run) -> Run:
        name = run.__name__
        if name in CASES:
            raise ValueError(f"two cases are named {name}: give one of them another name.")
        CASES[name] = Case(name, features, run)
        return run

    return register
