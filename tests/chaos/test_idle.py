"""C9, R15: who has nothing to do costs next to nothing, and wakes at once."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path

from tests.chaos import tasks
from tests.chaos.crew import crew

IDLE_S = 4.0


async def test_an_idle_worker_with_an_idle_client_uses_one_percent_of_a_core(tmp_path: Path) -> None:
    async with crew(tmp_path) as made:
        far = await made.client.submit(tasks.now, delay=3600.0)
        hand = await made.hire(waiting_for=far.id, lease=30)
        await (await made.client.submit(tasks.now)).result(30)  # it has done all that there was to do
        before = hand.cpu_ticks()

        await asyncio.sleep(IDLE_S)

        used_s = (hand.cpu_ticks() - before) / 100
    share = used_s / IDLE_S
    sys.stderr.write(f"\n  idle: {share:.2%} of a core\n")
    assert share <= 0.01


async def test_a_worker_and_a_client_of_other_processes_wake_within_50_ms(tmp_path: Path) -> None:
    started_ms: list[float] = []
    finished_ms: list[float] = []
    async with crew(tmp_path) as made:
        await made.hire(lease=30)
        await (await made.client.submit(tasks.now)).result(30)
        for _ in range(21):
            await asyncio.sleep(0.05)  # both are idle again
            submitted_ns = time.monotonic_ns()
            handle = await made.client.submit(tasks.now)
            ran_ns = await handle.result(30)
            heard_ns = time.monotonic_ns()
            started_ms.append((ran_ns - submitted_ns) / 1e6)
            finished_ms.append((heard_ns - ran_ns) / 1e6)

    start_ms, end_ms = statistics.median(started_ms), statistics.median(finished_ms)
    sys.stderr.write(f"\n  submit to start {start_ms:.1f} ms, end to result {end_ms:.1f} ms (medians)\n")
    assert start_ms < 50
    assert end_ms < 50
