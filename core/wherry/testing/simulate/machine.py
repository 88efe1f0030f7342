"""A simulated process: its threads, its dice, and what it believes the time to be."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any, Protocol

from wherry import entropy, ids
from wherry.testing.simulate.loop import OWNER, Strand, VirtualLoop

START_MS = 1_750_000_000_000


class WallClock:
    """Virtual time plus what the clock was set wrong by; a `Clock` for stores."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.off_ms = 0

    def now_ms(self) -> int:
        return START_MS + int(self._loop.time() * 1000) + self.off_ms


class Machine:
    """One process.  What is started on it runs in its context, and so do the callbacks of that.

    Args:
        name: shown in the trace; its dice are seeded with it.
        wall: what it believes the time to be.
    """

    def __init__(self, loop: VirtualLoop, seed: str, name: str, wall: WallClock) -> None:
        self._loop, self.name, self.wall = loop, name, wall
        self._dice = random.Random(f"{seed}/{name}")
        self.main, self.keeper = Strand(), Strand()
        loop.strands += (self.main, self.keeper)
        self._contexts = {strand: self._context(strand) for strand in (self.main, self.keeper)}
        self.disturbed_s = loop.time()
        """When it last started, or went on."""

    def _context(self, strand: Strand) -> Context:
        context = copy_context()
        context.run(OWNER.set, strand)
        context.run(entropy.current.set, self)
        context.run(ids.maker.set, ids.IdMaker())
        return context

    # --- entropy --------------------------------------------------------------------------------------
    def wall_ms(self) -> int:
        return self.wall.now_ms()

    def chance(self) -> float:
        return self._dice.random()

    def digits(self, count: int) -> str:
        return f"{self.bits(count * 4):0{count}x}"

    def bits(self, count: int) -> int:
        return self._dice.getrandbits(count)

    # --- life -----------------------------------------------------------------------------------------
    @property
    def is_alive(self) -> bool:
        return not self.main.dead

    @property
    def is_well(self) -> bool:
        """Alive and not frozen, so it must renew its leases."""
        return not (self.keeper.dead or self.keeper.frozen)

    def run(self, work: Coroutine[Any, Any, object], *, keeper: bool = False) -> None:
        """Start a coroutine on its main thread, or on its keeper's."""
        self._loop.create_task(work, context=self._contexts[self.keeper if keeper else self.main])

    def kill(self) -> None:
        """End it where it stands: nothing of it runs any more, no `finally` either."""
        self.main.dead = self.keeper.dead = True

    def freeze(self) -> None:
        """Stop all its threads, as a closed lid or SIGSTOP does."""
        self.main.frozen = self.keeper.frozen = True

    def block(self) -> None:
        """Keep its event loop busy, as a handler that never awaits does; the keeper goes on."""
        self.main.frozen = True

    def go_on(self) -> None:
        """End a freeze or a block: what was due meanwhile runs now."""
        self.disturbed_s = self._loop.time()
        for strand in (self.main, self.keeper):
            self._loop.resume(strand)


class Runs(Protocol):
    """What a keeper needs of the renewals that it runs."""

    @property
    def awake(self) -> bool: ...
    def busy(self) -> None: ...
    def end(self) -> None: ...
    async def run(self, started: Any) -> None: ...


class StrandKeeper:
    """Runs a worker's renewals on its machine's second thread, as `Keeper` does with a real one."""

    def __init__(self, machine: Machine, renewals: Runs) -> None:
        self._machine, self._renewals = machine, renewals

    @property
    def awake(self) -> bool:
        return self._renewals.awake

    def start(self) -> None:
        self._machine.run(self._renewals.run(_nothing), keeper=True)

    def busy(self) -> None:
        self._renewals.busy()

    async def stop(self) -> None:
        self._renewals.end()


def _nothing() -> None:
    """The worker need not wait: calls before the start are only put in its queue."""
