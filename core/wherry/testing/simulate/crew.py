"""Who lives in a simulation: workers with their sweepers, and clients that submit, wait, cancel, put back."""

from __future__ import annotations

import asyncio
import json
import random
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from wherry.client import Client
from wherry.context import Context
from wherry.errors import (
    JobCancelled,
    JobDisabled,
    JobNotFound,
    PermanentError,
    RetryableError,
    Snooze,
    StorageUnavailable,
    WherryError,
)
from wherry.handle import JobHandle
from wherry.retry import Backoff
from wherry.storage.joined import JoinedStorage
from wherry.sweeper import Sweeper
from wherry.task import task
from wherry.testing.simulate.machine import Machine, StrandKeeper
from wherry.testing.simulate.network import Wire
from wherry.worker import Worker

if TYPE_CHECKING:
    from wherry.testing.simulate.simulation import Simulation

_HERE: ContextVar[tuple[Simulation, Machine]] = ContextVar("wherry_simulated_here")

DEEDS = (
    "ok", "ok", "ok", "ok", "slow", "raise", "later", "permanent", "snooze", "progress", "child", "block",
    "hang", "kill",
)  # fmt: skip
"""What an attempt may do, the common ones several times."""


class Trouble(Exception):
    """What the simulated handlers raise."""


# --- what jobs do ------------------------------------------------------------------------------------
async def _act(plan: dict[str, Any], context: Context) -> Any:
    simulation, machine = _HERE.get()
    simulation.trace.count("executions")
    deed = plan["deeds"][min(context.attempt, len(plan["deeds"])) - 1]
    await asyncio.sleep(plan["ms"] / 1000)
    await _DEEDS[deed](simulation, machine, plan, context)
    output = {"job": plan["number"], "fence": context.job.fence}
    simulation.ledger.returned(context.job.id, context.job.fence, json.dumps(output, separators=(",", ":")))
    return output


async def _ok(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    """The common case."""


async def _slow(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    await asyncio.sleep(simulation.lease_s * 2.5)


async def _raise(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    raise Trouble("as planned")


async def _later(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    raise RetryableError("as planned", retry_in=plan["ms"] / 100)


async def _permanent(
    simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context
) -> None:
    raise PermanentError("as planned")


async def _snooze(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    if context.job.fence < 4:
        raise Snooze(plan["ms"] / 100)


async def _progress(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    for percent in (25, 50, 75):
        await context.progress(percent, "on the way")
        await asyncio.sleep(plan["ms"] / 1000)


async def _child(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    # One id for all attempts, so that a retry submits nothing new.
    child = {"number": -1, "ms": plan["ms"], "deeds": ["ok"]}
    await context.submit(act, child, id=f"{context.job.id}-child")


async def _block(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    simulation.block(machine, simulation.lease_s * 1.5)
    await asyncio.sleep(0)


async def _hang(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    await asyncio.sleep(1e9)


async def _kill(simulation: Simulation, machine: Machine, plan: dict[str, Any], context: Context) -> None:
    simulation.kill(machine)
    await asyncio.sleep(0)


_DEEDS = {
    "ok": _ok, "slow": _slow, "raise": _raise, "later": _later, "permanent": _permanent, "snooze": _snooze,
    "progress": _progress, "child": _child, "block": _block, "hang": _hang, "kill": _kill,
}  # fmt: skip

_RETRY = Backoff(first=0.5, factor=2.0, limit=5.0)


@task(name="simulated.act", queue="a", max_attempts=3, retry=_RETRY)
async def act(plan: Any, context: Context) -> Any:
    return await _act(plan, context)


@task(name="simulated.timed", queue="b", max_attempts=2, timeout=20.0, retry=_RETRY)
async def timed(plan: Any, context: Context) -> Any:
    return await _act(plan, context)


# --- workers -----------------------------------------------------------------------------------------
async def work(simulation: Simulation, machine: Machine) -> None:
    """A worker process: what `Server` does, on a simulated machine."""
    _HERE.set((simulation, machine))
    storage = JoinedStorage(Wire(simulation.network, machine))
    worker = Worker(
        storage,
        [act, timed],
        concurrency=2 + machine.bits(1),
        lease=simulation.lease_s,
        name=machine.name,
        place="server",
        keeper=lambda renewals: StrandKeeper(machine, renewals),
    )
    await worker.start()
    await Sweeper(storage, lease_ms=round(simulation.lease_s * 1000)).run()


# --- clients -----------------------------------------------------------------------------------------
class Customer:
    """A client process: submits its share of the jobs, waits for results, changes its mind."""

    def __init__(self, simulation: Simulation, machine: Machine) -> None:
        self._simulation, self._machine = simulation, machine
        self._dice = random.Random(machine.bits(64))
        self._client = Client(JoinedStorage(Wire(simulation.network, machine)), tasks=[act, timed])

    async def live(self) -> None:
        """Wait for what an earlier life submitted, then submit and meddle until nothing is left to do."""
        for job_id in tuple(self._simulation.mine(self._machine)):
            self._wait_for(job_id)
        while (number := self._simulation.next_number()) is not None:
            await asyncio.sleep(self._dice.random())
            await self._submit(number)
            if self._dice.random() < 0.4:
                await self._meddle()

    async def _submit(self, number: int) -> None:
        dice, job_id = self._dice, f"job-{number:05d}-{self._machine.name}"
        options = self._options(number)
        deeds = [dice.choice(DEEDS) for _ in range(1 + dice.getrandbits(1))]
        plan = {"number": number, "ms": 1 + dice.getrandbits(10), "deeds": deeds}
        one = timed if "hang" in deeds or dice.random() < 0.3 else act
        while True:
            try:
                handle = await self._client.submit(one, plan, id=job_id, **options)
                break
            except StorageUnavailable:
                await asyncio.sleep(0.2 + dice.random())
            except JobNotFound:  # the parent was removed meanwhile
                options.pop("after", None)
        self._simulation.ledger.acknowledged(handle.id)
        self._simulation.submitted(self._machine, handle.id)
        self._wait_for(handle.id)

    def _options(self, number: int) -> Any:
        dice, options = self._dice, dict[str, Any]()
        at = dice.random()
        if at < 0.2:
            options["unique"] = f"key-{dice.getrandbits(1)}"
        elif at < 0.35:
            options["delay"] = dice.random() * 10
        elif at < 0.5 and self._simulation.everyone:
            options["after"] = [dice.choice(self._simulation.everyone)]
        if dice.random() < 0.3:
            options["ordering_key"] = f"line-{dice.getrandbits(1)}"
        if dice.random() < 0.2:
            options["priority"] = dice.getrandbits(2) - 2
        return options

    async def _meddle(self) -> None:
        """Cancel, put back, disable or delete a job at random."""
        if not self._simulation.everyone:
            return
        client, job_id = self._client, self._dice.choice(self._simulation.everyone[-4:])
        deed = self._dice.choice((client.cancel, client.cancel, client.retry, client.disable))
        await asyncio.sleep(self._dice.random())
        try:
            await deed(job_id)
        except (StorageUnavailable, JobNotFound):
            self._simulation.trace.count("refused wishes")

    def _wait_for(self, job_id: str) -> None:
        asyncio.get_running_loop().create_task(self._wait(self._client.handle(job_id)))

    async def _wait(self, handle: JobHandle[Any]) -> None:
        """Until the job has ended; a storage that is out of reach is asked again, as a caller would."""
        with self._simulation.waiting(self._machine):
            while True:
                try:
                    self._simulation.saw(handle.id, await handle.result())
                    return
                except StorageUnavailable:
                    await asyncio.sleep(0.5)
                except (JobCancelled, JobDisabled, Trouble, WherryError):
                    return
