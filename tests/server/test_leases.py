"""Q4: sweepers on other machines judge no lease while the server's own clock is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from wherry import entropy, open_storage
from wherry.clock import Clock
from wherry.messages import ClaimRequest, Lease, NewJob
from wherry.storage.protocol import Storage
from wherry.sweeper import Sweeper
from wherry_server import Limits, create_app
from wherry_server.serving import serving

GRACE_S = 0.2


class HostClock(entropy.SystemEntropy):
    """The clock of the store's host, for the store and for the server beside it."""

    ahead_ms = 0

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_ms

    now_ms = wall_ms


@pytest.fixture
def host() -> HostClock:
    clock = HostClock()
    entropy.current.set(clock)
    return clock


@pytest.fixture
async def remote(host: Clock) -> AsyncIterator[Storage]:
    """A server's storage over HTTP, with one job that a worker holds for ten minutes."""
    async with open_storage("memory:", clock=host) as storage:
        await storage.add([NewJob("live", "", "q", "t", "null")])
        await storage.exchange([], ClaimRequest("token", "w", ("",), None, ("t",), 1, 600_000))
        app = create_app(storage, tokens=None, limits=Limits(grace_s=GRACE_S))
        async with serving(app) as address, open_storage(address.url) as remote:
            yield remote


def elsewhere(remote: Storage) -> Sweeper:
    """A sweeper on a machine whose own clock is right."""
    return Sweeper(remote, lease_ms=0, wall_ms=entropy.SystemEntropy().wall_ms)


async def state(storage: Storage) -> str:
    return (await storage.get(["live"]))["live"].state


async def test_a_jump_of_the_servers_clock_costs_nobody_a_live_job(remote: Storage, host: HostClock) -> None:
    sweeper = elsewhere(remote)
    await sweeper.sweep()
    await asyncio.sleep(GRACE_S)

    host.ahead_ms += 3_600_000
    for _ in range(3):
        await sweeper.sweep()
        await asyncio.sleep(GRACE_S)

    assert await state(remote) == "running"
    assert list(await remote.renew([Lease("live", 1)], lease_ms=1000)) == ["ok"]


async def test_a_lease_that_is_over_is_judged_when_the_grace_is(remote: Storage, host: HostClock) -> None:
    host.ahead_ms += 3_600_000  # before the first look: the server has just been started on this host
    sweeper = elsewhere(remote)
    await sweeper.sweep()
    before = await state(remote)
    await asyncio.sleep(GRACE_S)

    await sweeper.sweep()

    assert (before, await state(remote)) == ("running", "pending")
