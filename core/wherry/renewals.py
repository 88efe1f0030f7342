"""Renews the leases of a worker's running jobs: when, which, and what a refusal means (R3).

It runs on any event loop; `keeper.py` gives it a thread and loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

from wherry.attempt import Attempt
from wherry.errors import StorageUnavailable, WherryError
from wherry.messages import Lease, Verdict
from wherry.storage.protocol import Storage

_HINT_PAUSE_S = 0.3
"""After a hint the leases are renewed at once, to hear of cancels, but no more often than this."""


class Renewals:
    """Renews at a third of the lease while there is anything to renew; idle it sleeps.

    Args:
        storage: the worker's; forked for the loop that this runs on.
        running: gives the attempts under way; called on that loop.
        refused: told of each lease that is lost or to be cancelled; called on that loop.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        lease_ms: int,
        running: Callable[[], Sequence[Attempt]],
        refused: Callable[[Attempt, Verdict], None],
    ) -> None:
        self._storage, self._lease_ms = storage, lease_ms
        self._running, self._refused = running, refused
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._hinted = self._ending = False
        self.awake = False
        """Whether it ticks: while False, the worker calls `busy` when it begins to run something."""

    def busy(self) -> None:
        """The worker has something to run; call from any thread."""
        self.awake = True
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop is closed: it was stopped
                self._loop.call_soon_threadsafe(self._wake.set)

    def end(self) -> None:
        """Let `run` return; call from any thread."""
        self._ending = True
        self.busy()

    async def run(self, started: Callable[[], object]) -> None:
        """Renew until `end`; `started` is called once `busy` and `end` will be heard."""
        self._loop = asyncio.get_running_loop()
        started()
        async with self._storage.fork() as store:
            listening = asyncio.create_task(self._listen(store))
            try:
                while not self._ending:
                    if await self._is_due():
                        await self._renew(store)
            finally:
                listening.cancel()
                await asyncio.wait((listening,))

    async def _is_due(self) -> bool:
        """Wait: True after a third of the lease or a hint; asleep, until there is something to renew."""
        # Looked at again: the worker may have begun in between and seen `awake` still set.
        ticking = self.awake or bool(self._running())
        try:
            async with asyncio.timeout(self._lease_ms / 3000 if ticking else None):
                await self._wake.wait()
        except TimeoutError:
            # Asleep only after a tick with nothing to do: jobs that come one by one need not wake it.
            self.awake = bool(self._running())
            return True
        self._wake.clear()
        hinted, self._hinted = self._hinted, False
        return hinted

    async def _renew(self, store: Storage) -> None:
        attempts = [attempt for attempt in self._running() if not attempt.overdue]
        if not attempts:
            return
        leases = [Lease(attempt.job.id, attempt.job.fence) for attempt in attempts]
        try:
            verdicts = await store.renew(leases, lease_ms=self._lease_ms)
        except StorageUnavailable:
            return  # tried again at the next tick; the lease outlives two of them
        except WherryError:  # as when a token was withdrawn: nothing that runs can be settled any more
            for attempt in attempts:
                self._refused(attempt, "lost")
            return
        for attempt, verdict in zip(attempts, verdicts, strict=True):
            if verdict != "ok":
                self._refused(attempt, verdict)

    async def _listen(self, store: Storage) -> None:
        """Cancels from elsewhere arrive as a hint; the verdict of the renewal then tells."""
        while True:
            with suppress(WherryError):
                async with aclosing(store.listen()) as hints:
                    async for _ in hints:
                        if self._running():
                            self._hinted = True
                            self._wake.set()
                        await asyncio.sleep(_HINT_PAUSE_S)
            await asyncio.sleep(1)


class LeaseKeeper(Protocol):
    """Renews the leases of running attempts from outside the worker's own thread."""

    @property
    def awake(self) -> bool:
        """Whether it ticks: while False, the worker calls `busy` when it begins to run something."""
        ...

    def start(self) -> None: ...
    def busy(self) -> None: ...
    async def stop(self) -> None: ...


MakeKeeper = Callable[[Renewals], LeaseKeeper]
