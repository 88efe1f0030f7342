"""The deterministic simulator: thousands of seeds hold, broken stores are caught, a seed replays."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

from wherry.messages import Added, ClaimRequest, Exchanged, NewJob, RecordWrite, Settlement
from wherry.storage.memory import MemoryStorage
from wherry.storage.protocol import Storage
from wherry.testing.simulate import Faults, Trace, Violation, simulate
from wherry.testing.simulate.__main__ import main
from wherry.testing.simulate.simulation import OpenStore, in_memory

SEEDS = 2000
CHUNK = 250


def small(seed: int, store: OpenStore = in_memory) -> Trace:
    return simulate(seed, workers=2, clients=1, jobs=4, store=store)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_a_rule(first: int) -> None:
    for seed in range(first, first + CHUNK):
        small(seed)


@pytest.mark.parametrize("seed", range(10))
def test_no_seed_of_a_crowd_breaks_a_rule(seed: int) -> None:
    trace = simulate(seed, workers=4, clients=3, jobs=40)

    assert trace.facts["executions"] >= 30  # a client that is killed submits no more


def test_each_fault_and_each_deed_happens() -> None:
    seen = set[str]()
    for seed in range(40):
        seen |= simulate(seed, workers=2, clients=1, jobs=6, faults=Faults()).facts.keys()

    assert seen >= {"killed", "frozen", "blocked", "goes on", "unreachable", "reachable", "executions"}
    assert any(fact.startswith("clock") for fact in seen)


# --- a seed is a run ---------------------------------------------------------------------------------
def test_a_seed_replays_itself() -> None:
    first = simulate(7, jobs=12)

    assert simulate(7, jobs=12).lines == first.lines
    assert simulate(8, jobs=12).digest != first.digest


def test_another_process_with_other_hashes_runs_it_alike() -> None:
    here = [small(seed).digest for seed in range(12)]

    assert digests_elsewhere(12) == here


def digests_elsewhere(count: int) -> list[str]:
    code = (
        "from wherry.testing.simulate import simulate\n"
        f"for seed in range({count}):\n"
        "    print(simulate(seed, workers=2, clients=1, jobs=4).digest)"
    )
    env = {**os.environ, "PYTHONHASHSEED": "12345"}
    made = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return made.stdout.split()


async def test_it_runs_inside_a_loop_and_leaves_it_as_it_was() -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    digest = small(3).digest

    assert (asyncio.get_running_loop(), asyncio.current_task()) == (loop, task)
    assert await asyncio.to_thread(lambda: small(3).digest) == digest


# --- it can fail -------------------------------------------------------------------------------------
class IgnoresFences(MemoryStorage):
    """Takes a settlement from whoever sends it."""

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        rows = await self.get([each.id for each in settle])
        fenced = [
            each if each.if_lapsed or each.id not in rows else each._replace(fence=rows[each.id].fence)
            for each in settle
        ]
        return await super().exchange(fenced, claim)


class StealsEarly(MemoryStorage):
    """Gives a job to the next who asks when a fifth of its lease is over."""

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        stolen: list[Settlement] = []
        with self._book.transaction() as book:
            for entry in book.entries.values():
                late_ms = book.now_ms + 8000
                if claim and entry.lease_until_ms is not None and entry.lease_until_ms < late_ms:
                    stolen.append(Settlement(entry.id, entry.fence, "release"))
        await super().exchange(stolen, None)
        return await super().exchange(settle, claim)


class ForgetsKeys(MemoryStorage):
    """Stores a second job under a unique key."""

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        return await super().add([job._replace(unique=None) for job in jobs], records=records)


class LosesJobs(MemoryStorage):
    """Says that a job is stored and forgets some."""

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        if jobs[0].id.startswith("job-00003"):
            return [Added(job.id, "ok") for job in jobs]
        return await super().add(jobs, records=records)


class NeverExpires(MemoryStorage):
    """Leaves the jobs of the dead to them."""

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        live = [each for each in settle if not each.if_lapsed]
        answer = await super().exchange(live, claim)
        verdicts = iter(answer.verdicts)
        return answer._replace(verdicts=["lost" if each.if_lapsed else next(verdicts) for each in settle])


BROKEN: dict[type[MemoryStorage], set[str]] = {
    IgnoresFences: {"R4", "Q2", "Q3"},
    StealsEarly: {"R4", "Q4", "attempts"},
    ForgetsKeys: {"Q9"},
    LosesJobs: {"Q1"},
    NeverExpires: {"Q5", "liveness"},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_store_is_caught_and_its_seed_replays(kind: type[MemoryStorage]) -> None:
    caught = first_violation(lambda clock: kind(clock=clock))

    assert caught.rule in BROKEN[kind], caught
    with pytest.raises(Violation) as again:
        crowded(caught.seed, lambda clock: kind(clock=clock))
    assert (again.value.step, again.value.trace.digest) == (caught.step, caught.trace.digest)
    assert f"seed {caught.seed}, step {caught.step}" in str(again.value)


def first_violation(store: Callable[..., Storage]) -> Violation:
    for seed in range(150):
        try:
            crowded(seed, store)
        except Violation as violation:
            return violation
    raise AssertionError("150 seeds found nothing")


def crowded(seed: int, store: OpenStore) -> Trace:
    return simulate(seed, workers=3, clients=2, jobs=10, store=store)


def test_a_store_that_waits_is_refused() -> None:
    class Waits(MemoryStorage):
        async def write(self, writes: Sequence[RecordWrite]) -> bool:
            await asyncio.sleep(0)
            return await super().write(writes)

        async def add(
            self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()
        ) -> Sequence[Added]:
            await asyncio.sleep(0)
            return await super().add(jobs, records=records)

    with pytest.raises(Violation, match="must answer at once") as caught:
        small(0, lambda clock: Waits(clock=clock))
    assert caught.value.rule == "crash"


# --- the command -------------------------------------------------------------------------------------
def test_the_command_runs_a_range_and_says_what_it_came_to(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seeds", "0:3", "--workers", "2", "--clients", "1", "--jobs", "3"])

    assert code == 0
    assert capsys.readouterr().out.endswith("steps, 0 seeds broke a rule\n")


def test_the_command_replays_one_seed_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seeds", "5", "--workers", "2", "--clients", "1", "--jobs", "4", "--trace"])

    assert capsys.readouterr().out.splitlines()[:-1] == small(5).lines
