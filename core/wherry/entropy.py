"""Where the core takes chance and the wall clock from: one place, so that a simulation can give its own.

The steady clock is the event loop's (`loop.time()`), which a simulation replaces as well.
"""

from __future__ import annotations

import random
import secrets
import time
from contextvars import ContextVar
from typing import Protocol


class Entropy(Protocol):
    """A source of chance, and what one machine believes the time to be."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, UTC; may jump either way."""
        ...

    def chance(self) -> float:
        """At random in [0, 1)."""
        ...

    def bits(self, count: int) -> int:
        """A number of so many bits, each at random; never guessable."""
        ...


class SystemEntropy:
    """The machine's own."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def chance(self) -> float:
        return random.random()

    def bits(self, count: int) -> int:
        return secrets.randbits(count)


current: ContextVar[Entropy] = ContextVar("wherry_entropy", default=SystemEntropy())  # noqa: B039 - it has no state
"""Set in the context of each simulated machine, and nowhere else."""


def wall_ms() -> int:
    return current.get().wall_ms()


def chance() -> float:
    return current.get().chance()


def bits(count: int) -> int:
    return current.get().bits(count)


def token(size: int = 8) -> str:
    """`size` bytes at random, in hexadecimal."""
    return f"{bits(size * 8):0{size * 2}x}"
