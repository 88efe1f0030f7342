"""Time as an argument: a store owns one clock and judges every instant by it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where a store reads the time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...


class SystemClock:
    """The host's wall clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until told; for tests.

    Args:
        now_ms: where it starts, milliseconds since 1970.
    """

    def __init__(self, now_ms: int = 1_750_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Move by `ms`, backwards too: wall clocks do."""
        self._now_ms += ms
