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

    def __call__(self) -> str:
        """The next id, 36 characters."""
        with self._lock:
            at_ms = max(entropy.wall_ms(), self._last_ms)
            self._count = self._count + 1 if at_ms == self._last_ms else 0
            if self._count > 0xFFF:
                at_ms, self._count = at_ms + 1, 0
            self._last_ms = at_ms
            head = (at_ms << 16) | 0x7000 | self._count
        tail = 0x8000_0000_0000_0000 | entropy.bits(62)
        text = f"{head:016x}{tail:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


maker: ContextVar[IdMaker] = ContextVar("wherry_ids", default=IdMaker())  # noqa: B039 - one for the process
"""A simulated machine has its own."""


def new_id() -> str:
    """An id, 36 characters, greater than all that this process made before."""
    return maker.get()()


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Shortest endings, at least six characters, that tell the given ids apart.

    Endings, because the front of a time-ordered id is the same for all jobs of a minute.
    """
    whole = list(dict.fromkeys(ids))
    length = _SHORTEST
    while length < 36 and len({text[-length:] for text in whole}) < len(whole):
        length += 1
    return {text: text[-length:] for text in whole}
