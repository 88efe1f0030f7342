"""R11: final jobs are removed by age and by number, whoever ended them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from wherry import Server, open_storage, task
from wherry.clock import ManualClock
from wherry.messages import ClaimRequest, Edge, Filter, NewJob, SettleKind, Settlement
from wherry.retention import Retention, clean
from wherry.storage.protocol import Storage
from wherry.sweeper import Sweeper

HOUR_MS = 3_600_000


@task
async def nothing() -> None: ...


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory:", "sqlite:"])
async def storage(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Storage]:
    url = f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)
    async with open_storage(url, clock=clock) as storage:
        yield storage


async def add(storage: Storage, *ids: str, **fields: Any) -> None:
    await storage.add([NewJob(id, "", "q", "t", "null")._replace(**fields) for id in ids])


async def end(storage: Storage, kind: SettleKind, *ids: str, namespace: str = "", **fields: Any) -> None:
    """Run these jobs, that are due, to an end."""
    request = ClaimRequest(f"{kind}{ids}", "w", (namespace,), None, ("t",), len(ids), 30_000, ids)
    jobs = (await storage.exchange([], request)).jobs
    await storage.exchange([Settlement(job.id, job.fence, kind, **fields) for job in jobs], None)


async def left(storage: Storage) -> list[str]:
    return [row.id for row in (await storage.query(Filter(oldest_first=True), limit=5000))[0]]


def retention_of(server: Server) -> Retention:
    return server._sweeper._retention  # pyright: ignore[reportPrivateUsage] - what it tells its sweeper


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
async def test_each_state_has_an_age_of_its_own(storage: Storage, clock: ManualClock, state: Any) -> None:
    await add(storage, "completed", "failed", "cancelled", "disabled", "pending")
    await end(storage, "complete", "completed")
    await end(storage, "fail", "failed")
    await end(storage, "disable", "disabled")
    await storage.alter(Filter(ids=("cancelled",)), "cancel", limit=1)
    retention = Retention(namespaces=("",), age_ms={state: HOUR_MS})

    clock.advance(HOUR_MS - 1)
    await clean(storage, retention)
    early = await left(storage)
    clock.advance(1)
    await clean(storage, retention)

    everything = ["cancelled", "completed", "disabled", "failed", "pending"]
    assert early == everything
    assert await left(storage) == [id for id in everything if id != state]


async def test_jobs_that_the_sweeper_ends_are_kept_as_long_as_others(
    storage: Storage, clock: ManualClock
) -> None:
    await add(storage, "p")
    await end(storage, "fail", "p")
    await add(storage, "late", deadline_at_ms=clock.now_ms() - 1)
    await add(storage, "doomed", after=(Edge("p"),))
    await add(storage, "dropped", after=(Edge("p", "cancel"),))
    retention = Retention(namespaces=("",), age_ms={"failed": HOUR_MS, "cancelled": 0})

    await Sweeper(storage, lease_ms=0, wall_ms=clock.now_ms, retention=retention).sweep()

    rows = await storage.get(["late", "doomed", "dropped"])
    kept_ms = {id: row.purge_at_ms and row.purge_at_ms - clock.now_ms() for id, row in rows.items()}
    assert kept_ms == {"late": HOUR_MS, "doomed": HOUR_MS, "dropped": 60_000}
    assert await left(storage) == ["doomed", "late", "p"]


async def test_an_age_of_nothing_leaves_a_minute_to_those_who_wait(
    storage: Storage, clock: ManualClock
) -> None:
    await add(storage, "a")
    await storage.alter(Filter(), "cancel", limit=1)
    retention = Retention(namespaces=("",), age_ms={"cancelled": 0})

    clock.advance(59_999)
    await clean(storage, retention)
    early = await left(storage)
    clock.advance(1)
    await clean(storage, retention)

    assert (early, await left(storage)) == (["a"], [])


async def test_the_oldest_beyond_the_number_are_removed(storage: Storage) -> None:
    ids = [f"{number:04d}" for number in range(1203)]
    await add(storage, *ids, "running", "pending")
    await end(storage, "complete", *ids)
    await end(storage, "retry", "running", delay_ms=1)

    await clean(storage, Retention(namespaces=("",), most={"completed": 2, "failed": 0}))

    assert await left(storage) == ["1201", "1202", "pending", "running"]


async def test_the_number_is_one_of_each_namespace_and_state(storage: Storage) -> None:
    for namespace in "mno":
        ids = [f"{namespace}{number}" for number in range(4)]
        await add(storage, *ids, namespace=namespace)
        await end(storage, "complete", *ids[:2], namespace=namespace)
        await end(storage, "fail", *ids[2:], namespace=namespace)

    await clean(storage, Retention(namespaces=("m", "n"), most={"completed": 1, "failed": 0}))

    assert await left(storage) == ["m1", "n1", "o0", "o1", "o2", "o3"]


class Beside:
    """A storage in front of which another sweeper removes all it may after each read."""

    def __init__(self, storage: Storage, other: Retention) -> None:
        self._storage, self._other = storage, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def query(self, *values: Any, **named: Any) -> Any:
        found = await self._storage.query(*values, **named)
        await clean(self._storage, self._other)
        return found


async def test_two_sweepers_remove_no_more_than_one(storage: Storage) -> None:
    ids = [f"{number:02d}" for number in range(20)]
    await add(storage, *ids)
    await end(storage, "complete", *ids)
    retention = Retention(namespaces=("",), most={"completed": 5})

    await clean(Beside(storage, retention), retention)  # type: ignore[arg-type]

    assert await left(storage) == ids[-5:]


async def test_a_server_hands_its_settings_to_its_sweeper() -> None:
    async with open_storage("memory:", namespace="blue") as storage:
        server = Server(
            storage, [nothing], delete_after_cancellation=0, delete_after_failure=1.5, keep_completed=0
        )

        retention = retention_of(server)

    assert retention == Retention(
        namespaces=("blue",), age_ms={"failed": 1500, "cancelled": 0}, most={"completed": 0}
    )
    assert [retention.retain_ms(kind) for kind in ("complete", "fail", "cancel", "retry")] == [
        None,
        1500,
        0,
        None,
    ]


async def test_more_lapsed_jobs_than_one_batch_are_settled_in_one_look(
    storage: Storage, clock: ManualClock
) -> None:
    await add(storage, *[f"{number:04d}" for number in range(1100)], deadline_at_ms=clock.now_ms() - 1)

    verdicts = await Sweeper(storage, lease_ms=30_000, wall_ms=clock.now_ms).sweep()

    assert verdicts == ["ok"] * 1100
