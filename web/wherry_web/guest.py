"""A tab's worker for the jobs of a server: a guest there, so it tells its tasks and decides nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from wherry.attempt import Watch
from wherry.duties import Duties
from wherry.messages import RecordWrite
from wherry.storage.protocol import Storage
from wherry.task import Task
from wherry.worker import Worker

_TRIES = 3
"""Another tab may tell the same tasks at the same time."""


class Guest:
    """Claims jobs of the tasks that it knows and that may run in a browser.

    Args:
        storage: the server's, entered.
        queues: only these; `*` among them means every queue.
        concurrency: jobs that run at once.
        lease: seconds a claim holds without renewal.
    """

    def __init__(
        self,
        storage: Storage,
        tasks: Sequence[Task[Any, Any]],
        *,
        queues: Sequence[str],
        concurrency: int,
        lease: float,
        watch: Watch,
        name: str,
    ) -> None:
        self._storage = storage
        self._done = 0
        self.worker = Worker(
            storage,
            tasks,
            queues=None if "*" in queues else queues,
            concurrency=concurrency,
            lease=lease,
            watch=watch,
            name=name,
            settled=self._count,
        )
        self._duties = Duties(storage, self.worker, lambda: self._done)
        self._round: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tell the server the tasks that it does not know, then begin to claim."""
        await self._tell_tasks()
        await self.worker.start()
        self._round = asyncio.create_task(self._duties.run())

    async def stop(self) -> None:
        """Claim no more, wait for what runs."""
        await self.worker.stop()
        if self._round is not None:
            self._round.cancel()
            await asyncio.wait((self._round,))
        await self._duties.leave()

    async def _tell_tasks(self) -> None:
        """What the server says of a task stands: a tab may be of an older build."""
        for _ in range(_TRIES):
            known = {record.key for record in await self._storage.read("task")}
            unknown = [one for one in self.worker.registry if one.name not in known]
            writes = [RecordWrite("task", one.name, 0, one.manifest()) for one in unknown]
            if not writes or await self._storage.write(writes):
                return

    def _count(self, *_: object) -> None:
        self._done += 1
