"""Holds the leases of a worker's running jobs from a thread and event loop of its own (R3).

A handler may block the worker's loop for as long as it likes: this thread goes on renewing.  In a browser
tab there are no threads; there a JavaScript worker does this (`keeper.js`).
"""

from __future__ import annotations

import asyncio
import threading

from wherry.renewals import Renewals


class Keeper(threading.Thread):
    """The thread that runs a worker's renewals."""

    def __init__(self, renewals: Renewals) -> None:
        super().__init__(name="wherry-keeper", daemon=True)
        self._renewals = renewals
        self._started = threading.Event()

    @property
    def awake(self) -> bool:
        return self._renewals.awake

    def run(self) -> None:
        asyncio.run(self._renewals.run(self._started.set))

    def start(self) -> None:
        super().start()
        self._started.wait()

    def busy(self) -> None:
        """The worker has something to run; call from any thread."""
        self._renewals.busy()

    async def stop(self) -> None:
        """End the thread; waits without blocking the caller's loop."""
        self._renewals.end()
        await asyncio.get_running_loop().run_in_executor(None, self.join)
