"""Where the core takes chance and the wall clock from: one place, so that a simulation can give its own.

The steady clock is the event loop's (`loop.time()`), which a simulation replaces as well.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from contextvars import ContextVar
from typing import Protocol

_WORDS, _WORD_DIGITS = 256, 16


class Entropy(Protocol):
    """A source of chance, and what one machine believes the time to be."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, UTC; may jump either way."""
        ...

    def chance(self) -> float:
        """At random in [0, 1)."""
        ...

    def digits(self, count: int) -> str:
        """So many hexadecimal digits, each at random; never guessable."""
        ...


class SystemEntropy:
    """The machine's own.  Words are drawn many at a time: a call of the system costs more than an id."""

    def __init__(self) -> None:
        self._words: list[str] = []
        if hasattr(os, "register_at_fork"):
            # A child must not draw what its parent draws as well.
            os.register_at_fork(after_in_child=self._words.clear)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def chance(self) -> float:
        return random.random()

    def digits(self, count: int) -> str:
        if count > _WORD_DIGITS:
            return secrets.token_hex((count + 1) // 2)[:count]
        while True:
            try:
                return self._words.pop()[:count]
            except IndexError:
                drawn = os.urandom(_WORDS * _WORD_DIGITS // 2).hex()
                self._words += [drawn[at : at + _WORD_DIGITS] for at in range(0, len(drawn), _WORD_DIGITS)]


current: ContextVar[Entropy] = ContextVar("wherry_entropy", default=SystemEntropy())  # noqa: B039 - it has no state
"""Set in the context of each simulated machine, and nowhere else."""


def wall_ms() -> int:
    return current.get().wall_ms()


def chance() -> float:
    return current.get().chance()


def token(size: int = 8) -> str:
    """`size` bytes at random, in hexadecimal."""
    return current.get().digits(size * 2)
