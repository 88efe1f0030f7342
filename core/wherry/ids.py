"""Job ids: UUID version 7 (RFC 9562), so that text order is creation order (T9)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextvars import ContextVar

from wherry import entropy

_SHORTEST = 6


class IdMaker:
    """Makes ids that grow, even within one millisecond and when the clock steps back.

    The 12 bits after the time count within a millisecond (RFC 9562, 6.2, method 1); the 62 bits
    behind them are random, so that ids of different makers never meet.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._count = 0
        self._front = ""

    def __call__(self) -> str:
        """The next id, 36 characters."""
        return self.many(1)[0]

    def many(self, count: int) -> list[str]:
        """The next `count` ids, each greater than the one before."""
        source = entropy.current.get()
        with self._lock:
            now_ms = source.wall_ms()
            if now_ms > self._last_ms:
                self._begin(now_ms)
            return [self._next(source.digits(16)) for _ in range(count)]

    def _begin(self, at_ms: int) -> None:
        """A new millisecond: its digits are the same for all of its ids."""
        self._last_ms, self._count = at_ms, -1
        self._front = f"{at_ms >> 16:08x}-{at_ms & 0xFFFF:04x}-7"

    def _next(self, chance: str) -> str:
        self._count += 1
        if self._count > 0xFFF:
            self._begin(self._last_ms + 1)
            self._count = 0
        return f"{self._front}{self._count:03x}-{_VARIANT[chance[0]]}{chance[1:4]}-{chance[4:]}"


_VARIANT = {f"{digit:x}": "89ab"[digit % 4] for digit in range(16)}
"""The digit of the variant: two bits that are fixed, and two at random."""


maker: ContextVar[IdMaker] = ContextVar("wherry_ids", default=IdMaker())  # noqa: B039 - one for the process
"""A simulated machine has its own."""


def new_id() -> str:
    """An id, 36 characters, greater than all that this process made before."""
    return maker.get()()


def new_ids(count: int) -> list[str]:
    """As many ids, in order."""
    return maker.get().many(count)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Shortest endings, at least six characters, that tell the given ids apart.

    Endings, because the front of a time-ordered id is the same for all jobs of a minute.
    """
    whole = list(dict.fromkeys(ids))
    length = _SHORTEST
    while length < 36 and len({text[-length:] for text in whole}) < len(whole):
        length += 1
    return {text: text[-length:] for text in whole}
