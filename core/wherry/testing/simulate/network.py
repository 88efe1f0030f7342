"""Between the simulated processes and the store: calls take time, get lost, fail, and come twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from typing import Any, Protocol, Self

from wherry.errors import StorageUnavailable, WherryError
from wherry.job import JobRow
from wherry.messages import (
    Added,
    Alteration,
    Capabilities,
    Changes,
    ClaimRequest,
    Counts,
    Cursor,
    Exchanged,
    Filter,
    Lease,
    NewJob,
    Record,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Verdict,
)
from wherry.storage.protocol import CountBy, Storage
from wherry.testing.simulate.faults import CALM, Faults
from wherry.testing.simulate.loop import VirtualLoop
from wherry.testing.simulate.machine import Machine

READS = frozenset({"get", "query", "count", "changes", "read"})


class Witness(Protocol):
    """Sees every call at the store, in commit order."""

    def served(self, machine: Machine, verb: str, args: tuple[Any, ...], answer: Any) -> bool:
        """Check what the call did; whether the feed grew."""
        ...


class Network:
    """Delivers calls to one store, and its hints to those who listen.

    Args:
        store: its coroutines must never wait, as those of a store in memory.
        dice: decides latency and faults.
    """

    def __init__(self, loop: VirtualLoop, store: Storage, witness: Witness, dice: random.Random) -> None:
        self.store, self._witness = store, witness
        self._loop, self._dice = loop, dice
        self._server = Context()
        self._listeners: list[SimulatedListener] = []
        self.faults: Faults = CALM
        self.down = self.closed = False
        self.disturbed_s = 0.0
        """When a call failed last."""

    # --- calls ------------------------------------------------------------------------------------
    def send(self, machine: Machine, verb: str, *args: Any, **options: Any) -> asyncio.Future[Any]:
        """Begin a call; the future gets the store's answer or what became of it on the way."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        if self.closed:
            return reply
        unread: asyncio.Future[Any] = self._loop.create_future()
        fate = self._fate()
        if fate == "served":
            if self._dice.random() < self.faults.repeated and _may_come_twice(verb, args):
                self._later(lambda: self._serve(machine, verb, args, options, unread), stretch=50)
            self._later(lambda: self._serve(machine, verb, args, options, reply))
            return reply
        self.disturbed_s = self._loop.time()
        if fate == "reply lost":
            self._later(lambda: self._serve(machine, verb, args, options, unread))
        lost = StorageUnavailable(f"{verb}: {fate}", outcome_unknown=fate != "refused")
        self._later(lambda: _answer(reply, error=lost), stretch=20)
        return reply

    def _fate(self) -> str:
        if self.down:
            return "refused" if self._dice.random() < 0.5 else "request lost"
        at, faults = self._dice.random(), self.faults
        for fate, chance in (
            ("refused", faults.refused),
            ("request lost", faults.lost_requests),
            ("reply lost", faults.lost_replies),
        ):
            if at < chance:
                return fate
            at -= chance
        return "served"

    def _serve(
        self,
        machine: Machine,
        verb: str,
        args: tuple[Any, ...],
        options: Mapping[str, Any],
        reply: asyncio.Future[Any],
    ) -> None:
        if self.closed:
            return
        try:
            answer = at_once(getattr(self.store, verb)(*args, **options))
        except WherryError as error:
            refusal = error
            self._later(lambda: _answer(reply, error=refusal))
            return
        if self._witness.served(machine, verb, (*args, *options.values()), answer):
            self._hint_all()
        self._later(lambda: _answer(reply, answer))

    def _later(self, call: Callable[[], None], stretch: float = 1.0) -> None:
        """Calls on the way belong to nobody: they arrive although their sender is dead by then."""
        delay_s = self._dice.random() * 2 * self.faults.latency_ms * stretch / 1000
        self._loop.call_later(delay_s, call, context=self._server)

    # --- hints ------------------------------------------------------------------------------------
    def listen(self) -> SimulatedListener:
        listener = SimulatedListener(self)
        self._listeners.append(listener)
        return listener

    def forget(self, listener: SimulatedListener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def _hint_all(self) -> None:
        faults = self.faults
        for listener in self._listeners:
            at = self._dice.random()
            if at < faults.cut_hints:
                self._later(listener.cut)
            elif at < faults.cut_hints + faults.late_hints:
                self._later(listener.ring, stretch=1000)
            else:
                self._later(listener.ring)
                if at > 1 - faults.doubled_hints:
                    self._later(listener.ring, stretch=100)


def _may_come_twice(verb: str, args: tuple[Any, ...]) -> bool:
    """An `alter`, or a claim that got nothing, would do something else when it came again later."""
    return verb in ("add", "renew", "report", "signal") or (verb == "exchange" and args[1] is None)


def at_once(call: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        call.send(None)
    except StopIteration as stop:
        return stop.value
    call.close()
    raise TypeError("a simulated store must answer at once: give one that keeps its jobs in memory.")


def _answer(reply: asyncio.Future[Any], answer: Any = None, error: Exception | None = None) -> None:
    if reply.done():
        return
    if error is None:
        reply.set_result(answer)
    else:
        reply.set_exception(error)
        reply.exception()  # seen here: who asked may be dead


class SimulatedListener:
    """Yields once, then after each hint that reaches it; hints that come meanwhile are joined."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rung = asyncio.Event()
        self._rung.set()
        self._cut = False

    def ring(self) -> None:
        self._rung.set()

    def cut(self) -> None:
        """End it as a broken connection does."""
        self._cut = True
        self._rung.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        await self._rung.wait()
        self._rung.clear()
        if self._cut or self._network.down:
            self._network.forget(self)
            raise StorageUnavailable("the connection broke")

    async def aclose(self) -> None:
        self._network.forget(self)


class Wire:
    """A store as one simulated process reaches it."""

    namespace = ""

    def __init__(self, network: Network, machine: Machine) -> None:
        self._network, self._machine = network, machine

    @property
    def url(self) -> str:
        return "simulated:"

    @property
    def capabilities(self) -> Capabilities:
        return self._network.store.capabilities

    @property
    def store_id(self) -> str | None:
        return self._network.store.store_id

    def fork(self) -> Wire:
        return Wire(self._network, self._machine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing is held."""

    async def _call(self, verb: str, *args: Any, **options: Any) -> Any:
        return await self._network.send(self._machine, verb, *args, **options)

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        return await self._call("add", jobs, records=records)

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        return await self._call("exchange", settle, claim)

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        return await self._call("renew", leases, lease_ms=lease_ms)

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        return await self._call("report", reports)

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        return await self._call("signal", signals)

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        return await self._call("get", ids)

    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        return await self._call("query", where, limit=limit, cursor=cursor)

    async def count(self, where: Filter, *, by: Sequence[CountBy] = ()) -> Counts:
        return await self._call("count", where, by=by)

    async def alter(self, where: Filter, change: Alteration, *, limit: int) -> Sequence[str]:
        return await self._call("alter", where, change, limit=limit)

    async def changes(self, since: Cursor, *, limit: int) -> Changes:
        return await self._call("changes", since, limit=limit)

    def listen(self) -> SimulatedListener:
        return self._network.listen()

    async def read(self, kind: str, *, prefix: str = "") -> Sequence[Record]:
        return await self._call("read", kind, prefix=prefix)

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        return await self._call("write", writes)
