"""One run: starts the crew, brings the trouble, ends it, and sees that all comes to its end."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import Context

from wherry.clock import Clock
from wherry.storage.memory import MemoryStorage
from wherry.storage.protocol import Storage
from wherry.testing.simulate.crew import Customer, work
from wherry.testing.simulate.faults import CALM, Faults
from wherry.testing.simulate.ledger import Ledger
from wherry.testing.simulate.loop import VirtualLoop
from wherry.testing.simulate.machine import Machine, WallClock
from wherry.testing.simulate.network import Network, at_once
from wherry.testing.simulate.trace import Trace, Violation

END_WITHIN_S = 9000.0
"""Virtual seconds after the trouble: a clock set back by an hour makes retries wait that long."""

_JUMPS_MS = (3_600_000, 60_000, 60_000, 5_000, 5_000, 5_000)

OpenStore = Callable[[Clock], Storage]


def in_memory(clock: Clock) -> Storage:
    """The store that a simulation runs over unless it is given another."""
    return MemoryStorage("simulated", clock=clock)


class Simulation:
    """The world of one seed."""

    def __init__(
        self,
        seed: int,
        *,
        workers: int,
        clients: int,
        jobs: int,
        lease: float,
        faults: Faults | None,
        store: OpenStore,
    ) -> None:
        self.trace = Trace(seed)
        self.lease_s, self._jobs_left = lease, jobs
        self._jobs = jobs
        self._dice = random.Random(f"{seed}/trouble")
        self._faults = Faults().some(self._dice) if faults is None else faults
        self.loop = VirtualLoop()
        self._store_clock = WallClock(self.loop)
        self._far = self._dice.random() < 0.3
        """Whether the machines are not the store's host: then their clocks jump, not the store's."""
        made = store(self._store_clock)
        self.ledger = Ledger(made, self._store_clock, self.loop.time, self._calm_since_s, self.trace)
        self.network = Network(self.loop, made, self.ledger, random.Random(f"{seed}/network"))
        self.network.faults = self._faults
        self._crew: list[Machine] = []
        self._sizes = (workers, clients)
        self._lives = 0
        self._jumped_s = 0.0
        self._waiting: dict[Machine, int] = {}
        self._mine: dict[str, list[str]] = {}
        self.everyone: list[str] = []
        self._ended = False

    # --- run ----------------------------------------------------------------------------------------
    def run(self) -> Trace:
        """Raises: `Violation`."""
        try:
            self.loop.run(self._direct(), until=self._is_over)
        finally:
            self.network.closed = True
            self.loop.close()
        if self.ledger.broken is not None:
            raise Violation(self.ledger.broken.rule, self.ledger.broken.message, self.trace)
        if self.loop.crashes:
            raise Violation("crash", "; ".join(self.loop.crashes), self.trace)
        return self.trace

    def _is_over(self) -> bool:
        return self._ended or self.ledger.broken is not None or bool(self.loop.crashes)

    async def _direct(self) -> None:
        for number in range(self._sizes[0]):
            self._launch("w", number)
        for number in range(self._sizes[1]):
            self._launch("c", number)
        troubles = [asyncio.ensure_future(trouble) for trouble in self._troubles()]
        await self._until(self._is_done, self._faults.trouble_s)
        for trouble in troubles:
            trouble.cancel()
        self._calm_down()
        if not await self._until(self._is_done, END_WITHIN_S):
            left = [
                f"{known.number}:{known.row.state if known.row else None}"
                for known in self.ledger.unfinished()
            ]
            waiting = sum(count for machine, count in self._waiting.items() if machine.is_alive)
            self.ledger.break_with("liveness", f"jobs that never end: {left}; waiters: {waiting}")
        self.trace.facts["jobs"] = len(self.ledger.jobs)
        self._ended = True

    async def _until(self, done: Callable[[], bool], within_s: float) -> bool:
        end_s = self.loop.time() + within_s
        while not done() and self.loop.time() < end_s:  # noqa: ASYNC110 - waiting costs nothing here
            await asyncio.sleep(1.0)
        return done()

    def _is_done(self) -> bool:
        if self._jobs_left or any(count for machine, count in self._waiting.items() if machine.is_alive):
            return False
        return all(known.is_final for known in self.ledger.jobs.values())

    # --- the crew -------------------------------------------------------------------------------------
    def _launch(self, kind: str, number: int) -> None:
        self._lives += 1
        wall = WallClock(self.loop) if self._far else self._store_clock
        machine = Machine(self.loop, str(self.trace.seed), f"{kind}{number}.{self._lives}", wall)
        self._crew.append(machine)
        machine.run(work(self, machine) if kind == "w" else Customer(self, machine).live())

    def kill(self, machine: Machine) -> None:
        """End a process; another takes its place within seconds."""
        if not machine.is_alive:
            return
        machine.kill()
        self._tell(machine.name, "killed")
        self._crew.remove(machine)
        self._soon(
            0.2 + self._dice.random() * 5, self._launch, machine.name[0], int(machine.name[1:].split(".")[0])
        )

    def block(self, machine: Machine, for_s: float) -> None:
        """Keep a process's event loop busy for so long."""
        if machine.is_well and not machine.main.frozen:
            machine.block()
            self._tell(machine.name, "blocked")
            self._soon(for_s, self._go_on, machine)

    def _freeze(self, machine: Machine) -> None:
        if machine.is_well and not machine.main.frozen:
            machine.freeze()
            self._tell(machine.name, "frozen")
            self._soon(self._dice.random() * 3 * self.lease_s, self._go_on, machine)

    def _go_on(self, machine: Machine) -> None:
        if machine.is_alive and machine.main.frozen:
            self._tell(machine.name, "goes on")
            machine.go_on()

    def _soon(self, delay_s: float, call: Callable[..., None], *args: object) -> None:
        # In a context of nobody: it must happen although who asked for it is dead or frozen.
        self.loop.call_later(delay_s, call, *args, context=Context())

    def _tell(self, who: str, what: str) -> None:
        self.trace.add(self.loop.time(), who, what)
        self.trace.count(what)

    def _calm_since_s(self, machine: Machine | None) -> float:
        """Since when nothing has kept a machine from its work, or some sweeper."""
        if machine is not None and not machine.is_well:
            return self.loop.time()
        workers = [one for one in self._crew if one.name[0] == "w"] if machine is None else [machine]
        well = [one.disturbed_s for one in workers if one.is_well and (machine or not one.main.frozen)]
        return max(min(well, default=self.loop.time()), self.network.disturbed_s, self._jumped_s)

    # --- trouble --------------------------------------------------------------------------------------
    def _troubles(self) -> list[asyncio.Future[None]]:
        faults = self._faults
        plagues: tuple[tuple[float, Callable[[], None]], ...] = (
            (faults.kills, lambda: self.kill(self._anyone())),
            (faults.freezes, lambda: self._freeze(self._anyone())),
            (faults.blocks, lambda: self.block(self._anyone("w"), self._dice.random() * 3 * self.lease_s)),
            (faults.clock_jumps, self._jump),
            (faults.outages, self._cut_off),
        )
        return [asyncio.ensure_future(self._plague(*one)) for one in plagues if one[0] > 0]

    async def _plague(self, a_minute: float, strike: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(self._dice.random() * 120 / a_minute)
            strike()

    def _anyone(self, kind: str = "") -> Machine:
        fit = [one for one in self._crew if one.name.startswith(kind)]
        return self._dice.choice(fit or self._crew)

    def _jump(self) -> None:
        walls = list(dict.fromkeys(one.wall for one in self._crew)) or [self._store_clock]
        wall = self._dice.choice(walls)
        jump_ms = self._dice.choice(_JUMPS_MS) * self._dice.choice((1, -1))
        self._set(wall, 0 if wall.off_ms else jump_ms)
        whose = "store" if wall is self._store_clock else "machine"
        self._tell(whose, f"clock {wall.off_ms:+d}")

    def _cut_off(self) -> None:
        self.network.down = True
        self._tell("store", "unreachable")
        self._soon(self._dice.random() * self.lease_s, self._reach)

    def _reach(self) -> None:
        if self.network.down:
            self.network.down, self.network.disturbed_s = False, self.loop.time()
            self._tell("store", "reachable")

    def _calm_down(self) -> None:
        self.network.faults = CALM
        self._reach()
        for machine in tuple(self._crew):
            self._go_on(machine)
            self._set(machine.wall, 0)
        self._set(self._store_clock, 0)
        self._tell("-", "calm")

    def _set(self, wall: WallClock, off_ms: int) -> None:
        if wall is self._store_clock and off_ms < wall.off_ms:
            self.ledger.set_back_s = self.loop.time()
        if off_ms != wall.off_ms:
            self._jumped_s = self.loop.time()
        wall.off_ms = off_ms

    # --- what clients tell ----------------------------------------------------------------------------
    def next_number(self) -> int | None:
        """The number of the next job to submit, or None when all are."""
        if not self._jobs_left:
            return None
        self._jobs_left -= 1
        return self._jobs - self._jobs_left

    def submitted(self, machine: Machine, job_id: str) -> None:
        """A client knows of this job, and so does whoever takes its place."""
        self._mine.setdefault(_role(machine), []).append(job_id)
        self.everyone.append(job_id)

    def mine(self, machine: Machine) -> list[str]:
        return self._mine.get(_role(machine), [])

    @contextmanager
    def waiting(self, machine: Machine) -> Generator[None]:
        """Somebody waits for a result."""
        self._waiting[machine] = self._waiting.get(machine, 0) + 1
        try:
            yield
        finally:
            self._waiting[machine] -= 1

    def saw(self, job_id: str, result: object) -> None:
        """A client was given this result."""
        known = self.ledger.jobs[job_id]
        accepted = None if known.completed is None else json.loads(known.completed)
        if result != accepted:
            self.ledger.break_with("Q3", f"a client got {result}, accepted was {accepted}")


def _role(machine: Machine) -> str:
    return machine.name.partition(".")[0]


def close_store(store: Storage) -> None:
    """Leave a store that was entered for a simulation."""
    at_once(store.__aexit__(None, None, None))
