"""Q7: jobs of one ordering key run one at a time, in the order of submit, however many workers there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wherry import Backoff, Client, Context, Server, open_storage, task
from wherry.storage.protocol import Storage

RAN: list[str] = []
RUNNING: set[str] = set()


@task(name="ordering.note", ordering_key="notes", max_attempts=2, retry=Backoff(first=0.0))
async def note(name: str, context: Context) -> None:
    assert not RUNNING, f"{name} beside {RUNNING}"
    RUNNING.add(name)
    try:
        await context.progress(1)
        await asyncio.sleep(0)
    finally:
        RUNNING.discard(name)
    if name.startswith("flaky") and context.attempt == 1:
        raise RuntimeError("once more")
    RAN.append(name)
    if name.startswith("bad"):
        raise ValueError("never")


@pytest.fixture(params=["memory:", "sqlite:"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    RAN.clear()
    RUNNING.clear()
    url = f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)
    async with open_storage(url) as storage:
        yield storage


async def test_order_holds_over_many_workers_through_retries_and_failures(storage: Storage) -> None:
    names = [f"{kind}-{number}" for number in range(5) for kind in ("plain", "flaky", "bad")]
    client = Client(storage)
    async with Server(storage, [note], concurrency=4), Server(storage, [note], concurrency=4):
        handles = await client.submit_many(note, names)
        await client.cancel(handles[7].id)
        last = await client.submit(note, "last", priority=-9)
        await last.result(timeout=30)
    await client.disconnect()

    ran = [name for name in RAN if name != names[7]]
    tried_twice = [one for name in names for one in ([name] * 2 if name.startswith("bad") else [name])]
    assert ran == [*(name for name in tried_twice if name != names[7]), "last"]
