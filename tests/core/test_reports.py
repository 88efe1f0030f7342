"""R14: progress and log lines reach the storage before what ends their attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wherry.messages import ClaimRequest, NewJob, Report, Verdict
from wherry.reports import ReportBuffer
from wherry.storage.memory import MemoryStorage


class Far(MemoryStorage):
    """A storage that takes its time, as one over HTTP does."""

    def __init__(self) -> None:
        super().__init__("far")
        self.sent, self.arrives = asyncio.Event(), asyncio.Event()

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        self.sent.set()
        await self.arrives.wait()
        return await super().report(reports)


async def test_a_flush_waits_for_the_report_that_is_on_its_way() -> None:
    async with Far() as storage:
        await storage.add([NewJob("j", "", "q", "t", "null")])
        await storage.exchange([], ClaimRequest("token", "w", ("",), None, ("t",), 1, 30_000))
        buffer = ReportBuffer(storage)
        buffer.report(Report("j", 1, logs=('{"message": "sent"}',)))
        await storage.sent.wait()

        flushed = asyncio.ensure_future(buffer.flush())
        await asyncio.wait((flushed,), timeout=0)
        early = flushed.done()
        storage.arrives.set()
        await flushed

        assert not early, "a settlement may overtake the report"
        assert len(await storage.read("log")) == 1
