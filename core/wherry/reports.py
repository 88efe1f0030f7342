"""Progress and log lines on their way to the storage: joined per job, written at most five times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from wherry.errors import WherryError
from wherry.messages import Report
from wherry.storage.protocol import Storage

PAUSE_S = 0.2


class ReportBuffer:
    """Keeps the latest progress and all log lines of each attempt until they are written.

    The first report goes out at once; those that follow wait for the pause and are joined.

    Args:
        told: hears of each report the moment it is made, also from code that blocks this thread.
    """

    def __init__(self, storage: Storage, told: Callable[[Report], object] | None = None) -> None:
        self._storage, self._told = storage, told
        self._waiting: dict[tuple[str, int], Report] = {}
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def report(self, news: Report) -> None:
        if self._told is not None:
            self._told(news)
        key = (news.id, news.fence)
        before = self._waiting.get(key)
        self._waiting[key] = news if before is None else joined(before, news)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Write what waits now: reports must not arrive after the settlement, where they would be refused."""
        if not self._waiting and not self._writing.locked():
            return
        # What is on its way already must have arrived too: over HTTP a settlement could overtake it.
        async with self._writing:
            reports, self._waiting = list(self._waiting.values()), {}
            # Progress is news, not state: the next report says more, and what refuses all refuses the claim.
            with suppress(WherryError):
                if reports:
                    await self._storage.report(reports)

    async def _write(self) -> None:
        while self._waiting:
            await self.flush()
            await asyncio.sleep(PAUSE_S)


def joined(before: Report, news: Report) -> Report:
    """Two reports of one attempt as one: the later progress, all the lines."""
    return Report(
        news.id,
        news.fence,
        before.percent if news.percent is None else news.percent,
        before.message if news.message is None else news.message,
        before.details if news.details is None else news.details,
        before.logs + news.logs,
        news.step or before.step,
    )
