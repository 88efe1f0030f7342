"""A storage that fails, or takes its process down, at the N-th call.

for number in itertools.count(1):
    fault = FaultAt(number, "lose_reply")
    await scenario(faulty(storage, fault))
    if not fault.struck:
        break       # the scenario needs fewer calls: every one of them has failed once
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Self, cast

from wherry.errors import StorageUnavailable
from wherry.storage.protocol import Storage

Effect = Literal["refuse", "lose_request", "lose_reply", "kill_before", "kill_after"]

_VERBS = frozenset(
    {"add", "exchange", "renew", "report", "signal", "get", "query", "count", "alter", "changes", "read",
     "write"}
)  # fmt: skip


class FaultAt:
    """What happens at the N-th call, counted over all openings and forks.

    Args:
        number: from 1.
        effect: `refuse` (not applied), `lose_request` (not applied) and `lose_reply` (applied) raise
            `StorageUnavailable`, the last two with `outcome_unknown`; `kill_before` and `kill_after` send
            SIGKILL to this process.
    """

    def __init__(self, number: int, effect: Effect) -> None:
        self.number, self.effect = number, effect
        self.calls = 0

    @property
    def struck(self) -> bool:
        """Whether it came to that call."""
        return self.calls >= self.number

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out one call, or what is to happen instead."""
        self.calls += 1
        if self.calls != self.number:
            return await call()
        if self.effect == "kill_before":
            _die()
        if self.effect in ("lose_reply", "kill_after"):
            await call()
        if self.effect == "kill_after":
            _die()
        raise StorageUnavailable(f"{verb}: {self.effect}", outcome_unknown=self.effect != "refuse")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def faulty(storage: Storage, fault: FaultAt) -> Storage:
    """The same storage with a fault; entered and left as it is."""
    return cast("Storage", _Faulty(storage, fault))


class _Faulty:
    def __init__(self, storage: Storage, fault: FaultAt) -> None:
        self._storage, self._fault = storage, fault

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        if name not in _VERBS:
            return found

        async def call(*args: Any, **options: Any) -> Any:
            return await self._fault.around(name, lambda: found(*args, **options))

        return call

    def fork(self) -> Storage:
        return faulty(self._storage.fork(), self._fault)

    async def __aenter__(self) -> Self:
        await self._storage.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._storage.__aexit__(*exc)
