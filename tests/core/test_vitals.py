"""R18: what a server tells of its worker, its health, its counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.core.jobs import (
    ALL,
    GATES,
    add_one,
    always_fail,
    fail_twice,
    hold,
    running,
)
from wherry import (
    Client,
    Server,
    Worker,
)
from wherry.duties import Duties
from wherry.errors import Forbidden
from wherry.messages import RecordWrite
from wherry.storage.memory import MemoryStorage
from wherry.vitals import STALE_S, StaleWorkers, vitals_write


async def test_a_server_tells_its_vitals_and_takes_them_away(client: Client) -> None:
    async with Server(client.storage, ALL, queues=["default"], concurrency=3, name="w") as server:
        await (await client.submit(add_one, 1))
        held = await client.submit(hold, f"vitals {client.storage.url}")
        await GATES.wait_entered(f"vitals {client.storage.url}")
        await server._duties._tell(0.0)  # pyright: ignore[reportPrivateUsage] - now instead of in ten seconds

        (worker,) = await client.workers()
        assert (worker.name, worker.queues, worker.concurrency) == ("w", ("default",), 3)
        assert (worker.active, worker.done, worker.is_busy) == (1, 1, False)
        assert "add_one" in worker.tasks
        assert worker.last_claim_at is not None
        assert worker.last_finish_at is not None
        assert worker.heartbeat_at >= worker.last_claim_at >= worker.started_at
        GATES.open(f"vitals {client.storage.url}")
        await held
    assert await client.workers() == []


async def test_vitals_of_the_dead_are_forgotten(client: Client) -> None:
    dead = Server(client.storage, ALL, name="dead").vitals()
    await client.storage.write([vitals_write(dead)])
    stale = StaleWorkers()
    records = list(await client.storage.read("worker"))

    assert stale.removals(records, 0.0) == []
    assert stale.removals(records, STALE_S) == []
    assert stale.removals(records, STALE_S + 1) == [RecordWrite("worker", "dead", 1, None)]
    await client.storage.write([vitals_write(dead)])
    renewed = list(await client.storage.read("worker"))
    assert stale.removals(renewed, STALE_S + 2) == []


async def test_health_is_red_when_claims_are_not_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(client.storage, ALL)
    assert (server.health().ok, server.health().reason[:20]) == (False, "it is not running: s")
    async with server:
        await (await client.submit(add_one, 1))
        assert server.health().ok
        now = server.worker.last_claim_at_ms or 0
        monkeypatch.setattr("wherry.entropy.wall_ms", lambda: now + 46_000)
        assert server.health().reason == "no claim was answered for 46 s: does the storage answer?"
        assert not server.health().ok


async def test_a_server_whose_slots_are_all_taken_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(concurrency=1) as (client, server):
        await client.submit(hold, "healthy")
        await GATES.wait_entered("healthy")
        now = server.worker.last_claim_at_ms or 0
        monkeypatch.setattr("wherry.entropy.wall_ms", lambda: now + 600_000)
        assert server.health().ok
        monkeypatch.undo()
        GATES.open("healthy")


async def test_stats_count_what_became_of_attempts() -> None:
    last = asyncio.Event()
    async with running(settled=lambda job, *_: job.task == "add_one" and last.set()) as (client, server):
        await (await client.submit(fail_twice, "x"))
        with pytest.raises(ValueError, match="y"):
            await (await client.submit(always_fail.options(max_attempts=1), "y"))
        await client.submit(add_one, 1)
        await asyncio.wait_for(last.wait(), 10)
        stats = server.stats()  # counted in the same turn in which it was told

    assert (stats.total, stats.completed, stats.failed, stats.retried, stats.cancelled) == (5, 2, 1, 2, 0)
    assert stats.average_run_seconds > 0


async def test_duties_outlive_a_storage_that_is_away(client: Client) -> None:
    worker = Worker(client.storage, ALL, name="lonely")
    duties = Duties(client.storage, worker, lambda: 0)
    await duties.look()
    assert [one.name for one in await client.workers()] == ["lonely"]
    await duties.leave()
    assert await client.workers() == []


class WorkOnly(MemoryStorage):
    """As over HTTP with a token that may only work."""

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        raise Forbidden("operate")


async def test_a_worker_that_may_not_tell_its_vitals_still_notices_what_is_resumed() -> None:
    async with WorkOnly() as storage:
        duties = Duties(storage, Worker(storage, ALL), lambda: 0)
        await duties.look()
        await duties.leave()
