"""C4: whoever waits for a result gets it, whatever fails on the way there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from wherry import Client, task
from wherry.errors import StorageUnavailable
from wherry.job import JobRow
from wherry.messages import ClaimRequest, Settlement
from wherry.storage.memory import MemoryStorage


@task
async def double(number: int) -> int:
    return number * 2


class Flaky(MemoryStorage):
    """Rows cannot be read for a moment, while the feed can."""

    fails = 0

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        self.asked.set()
        if self.fails:
            self.fails -= 1
            raise StorageUnavailable("for a moment")
        return await super().get(ids)


async def test_a_read_that_fails_behind_the_feed_costs_no_waiter_its_result() -> None:
    storage = Flaky()
    client = Client(storage)
    handle = await client.submit(double, 21)
    waiting = asyncio.create_task(handle.result())
    await storage.asked.wait()

    storage.fails = 1
    (job,) = (await storage.exchange((), ClaimRequest("t", "w", ("",), None, (double.name,), 1, 30_000))).jobs
    await storage.exchange((Settlement(job.id, job.fence, "complete", output="42"),), None)

    assert await asyncio.wait_for(waiting, 10) == 42
    assert storage.fails == 0
