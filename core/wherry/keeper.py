"""Holds the leases of a worker's running jobs from a thread and event loop of its own (R3).

A handler may block the worker's loop for as long as it likes: this thread goes on renewing.  In a browser
tab there are no threads; there a JavaScript worker does this (`keeper.js`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress

from wherry.attempt import Attempt
from wherry.errors import StorageUnavailable, WherryError
from wherry.messages import Lease, Verdict
from wherry.storage.protocol import Storage

_HINT_PAUSE_S = 0.3
"""After a hint the leases are renewed at once, to hear of cancels, but no more often than this."""


class Keeper(threading.Thread):
    """Renews at a third of the lease while there is anything to renew; idle it sleeps.

    Args:
        storage: the worker's; forked for this thread.
        running: gives the attempts under way; called from this thread.
        refused: told of each lease that is lost or to be cancelled; called from this thread.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        lease_ms: int,
        running: Callable[[], Sequence[Attempt]],
        refused: Callable[[Attempt, Verdict], None],
    ) -> None:
        super().__init__(name="wherry-keeper", daemon=True)
        self._storage, self._lease_ms = storage, lease_ms
        self._running, self._refused = running, refused
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._hinted = self._stopping = False
        self._started = threading.Event()
        self.awake = False
        """Whether it ticks: while False, the worker calls `busy` when it begins to run something."""

    def run(self) -> None:
        asyncio.run(self._main())

    def start(self) -> None:
        super().start()
        self._started.wait()

    def busy(self) -> None:
        """The worker has something to run, or a stop has been asked for; call from any thread."""
        self.awake = True
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop is closed: it was stopped
                self._loop.call_soon_threadsafe(self._wake.set)

    async def stop(self) -> None:
        """End the thread; waits without blocking the caller's loop."""
        self._stopping = True
        self.busy()
        await asyncio.get_running_loop().run_in_executor(None, self.join)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        async with self._storage.fork() as store:
            listening = asyncio.create_task(self._listen(store))
            try:
                while not self._stopping:
                    if await self._is_due():
                        await self._renew(store)
            finally:
                listening.cancel()
                await asyncio.wait((listening,))

    async def _is_due(self) -> bool:
        """Wait: True after a third of the lease or a hint; while nothing runs, until there is something."""
        if not self._running():
            self.awake = False
        # Looked at again: the worker may have begun in between and seen `awake` still set.
        timeout_s = self._lease_ms / 3000 if self.awake or self._running() else None
        hinted = False
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
            hinted, self._hinted = self._hinted, False
        except TimeoutError:
            hinted = True
        self._wake.clear()
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
