"""Any sequence of calls: every storage does what a small model says (Q2, Q3, Q9, R5, R7, R12)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.storage.harness import HARNESSES
from wherry.messages import (
    PRIORITY_STEP_MS,
    Alteration,
    ClaimRequest,
    Filter,
    Lease,
    NewJob,
    SettleKind,
    Settlement,
    Unique,
    Verdict,
)

LEASE_MS = 10_000
LEAN = 100
"""Examples of a profile that is not a long one."""

T = TypeVar("T")

FINAL = {"complete": "completed", "fail": "failed", "cancel": "cancelled"}
KINDS: tuple[SettleKind, ...] = ("complete", "fail", "cancel", "retry", "snooze", "release")
CHANGES: tuple[Alteration, ...] = ("cancel", "requeue", "disable", "remove")


@dataclass
class Model:
    """What is true of one job."""

    id: str
    priority: int
    run_at_ms: int
    key: str | None
    state: str = "pending"
    attempt: int = 0
    fence: int = 0
    max_attempts: int = 3
    interruptions: int = 0
    until_ms: int | None = None
    asked: bool = False
    settled: tuple[int, str] | None = None

    @property
    def final(self) -> bool:
        return self.state not in ("pending", "running")

    def settle(self, one: Settlement, now_ms: int) -> Verdict:
        """Carry it out, as the contract words it."""
        if self.settled == (one.fence, one.kind):
            return "cancel" if self.state == "cancelled" and one.kind != "cancel" else "ok"
        lapsed = self.state == "running" and (self.until_ms or 0) <= now_ms
        if one.fence != self.fence or not (lapsed if one.if_lapsed else self.state == "running"):
            return "lost"
        self.settled, self.until_ms = (one.fence, one.kind), None
        if one.kind in FINAL:
            self.state = FINAL[one.kind]
        elif self.asked:
            self.state = "cancelled"
            return "cancel"
        else:
            self.state, self.run_at_ms = "pending", now_ms + one.delay_ms
            self.attempt -= one.kind != "retry"
            self.interruptions += one.kind == "release"
        return "ok"

    def change(self, change: Alteration, now_ms: int) -> bool:
        if change == "requeue":
            if not self.final or self.state == "completed":
                return False
            self.state, self.run_at_ms, self.asked, self.settled = "pending", now_ms, False, None
            self.max_attempts = self.attempt + 3
            return True
        if self.final or (change == "cancel" and self.asked):
            return False
        running = self.state == "running"
        self.asked = self.asked or change == "cancel"
        if change == "disable" or not running:
            self.state, self.until_ms = "disabled" if change == "disable" else "cancelled", None
            self.fence += change == "disable" and running
        return True


class Life(RuleBasedStateMachine):
    """Calls of several workers and clients in any order, on a clock that goes on in jumps."""

    harness = "memory"

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.world = self.do(self._stack.enter_async_context(HARNESSES[self.harness]()))
        self.store, self.jobs, self.made = self.world.storage, dict[str, Model](), 0

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def teardown(self) -> None:
        self.do(self._stack.aclose())
        self._runner.close()

    @property
    def now_ms(self) -> int:
        return self.world.clock.now_ms()

    @rule(
        priority=st.integers(-2, 2),
        delay_ms=st.sampled_from((0, 0, 1, 5000)),
        key=st.sampled_from((None, None, "k", "l")),
    )
    def add(self, priority: int, delay_ms: int, key: str | None) -> None:
        self.made += 1
        job = NewJob(
            f"job-{self.made:04}", "n", "q", "t", "null", priority=priority, delay_ms=delay_ms,
            max_attempts=3, unique=Unique(key, "done") if key else None,
        )  # fmt: skip
        holder = next(
            (one.id for one in self.jobs.values() if key and one.key == key and not one.final), None
        )
        for _ in range(2):  # a repeat changes nothing
            (added,) = self.do(self.store.add([job]))
            first = holder is None and job.id not in self.jobs
            assert added == (holder or job.id, "ok" if first else "duplicate")
            if holder is None:
                self.jobs.setdefault(job.id, Model(job.id, priority, self.now_ms + delay_ms, key))

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        self.made += 1
        request = ClaimRequest(f"token-{self.made}", "w", ("n",), None, ("t",), limit, LEASE_MS)
        due = [one for one in self.jobs.values() if one.state == "pending" and one.run_at_ms <= self.now_ms]
        due.sort(key=lambda one: (one.priority * PRIORITY_STEP_MS + one.run_at_ms, one.id))
        for one in due[:limit]:
            one.state, one.until_ms = "running", self.now_ms + LEASE_MS
            one.attempt, one.fence = one.attempt + 1, one.fence + 1
        for _ in range(2):  # a lost reply is asked for again
            found = self.do(self.store.exchange([], request)).jobs
            expected = [(one.id, one.fence, one.attempt) for one in due[:limit]]
            if found or expected:
                assert sorted((job.id, job.fence, job.attempt) for job in found) == sorted(expected)

    @precondition(lambda self: self.jobs)
    @rule(
        data=st.data(),
        kind=st.sampled_from(KINDS),
        stale=st.sampled_from((0, 0, 0, 1)),
        delay_ms=st.sampled_from((0, 3000)),
        if_lapsed=st.booleans(),
    )
    def settle(
        self, data: st.DataObject, kind: SettleKind, stale: int, delay_ms: int, if_lapsed: bool
    ) -> None:
        one = data.draw(st.sampled_from(list(self.jobs.values())))
        call = Settlement(one.id, max(0, one.fence - stale), kind, delay_ms=delay_ms, if_lapsed=if_lapsed)
        for _ in range(2):
            expected = one.settle(call, self.now_ms)
            (verdict,) = self.do(self.store.exchange([call], None)).verdicts
            assert verdict == expected, (one, call)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), stale=st.sampled_from((0, 0, 1)))
    def renew(self, data: st.DataObject, stale: int) -> None:
        one = data.draw(st.sampled_from(list(self.jobs.values())))
        fence = max(0, one.fence - stale)
        held = one.state == "running" and fence == one.fence
        (verdict,) = self.do(self.store.renew([Lease(one.id, fence)], lease_ms=LEASE_MS))
        assert verdict == (("cancel" if one.asked else "ok") if held else "lost")
        if held:
            one.until_ms = self.now_ms + LEASE_MS

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), change=st.sampled_from(CHANGES))
    def alter(self, data: st.DataObject, change: Alteration) -> None:
        one = data.draw(st.sampled_from(list(self.jobs.values())))
        taken = any(other.key == one.key and not other.final for other in self.jobs.values() if one.key)
        if change == "remove":
            applies = one.final
            if applies:
                del self.jobs[one.id]
        else:
            applies = not (change == "requeue" and taken) and one.change(change, self.now_ms)
        changed = self.do(self.store.alter(Filter(ids=(one.id,)), change, limit=1))
        assert list(changed) == ([one.id] if applies else []), (one, change)

    @rule(by_ms=st.sampled_from((1, 999, 5000, LEASE_MS)))
    def time_goes_on(self, by_ms: int) -> None:
        self.world.clock.advance(by_ms)

    @invariant()
    def the_rows_say_so(self) -> None:
        rows = self.do(self.store.get(list(self.jobs)))
        found = {
            row.id: (row.state, row.attempt, row.fence, row.max_attempts, row.interruptions)
            for row in rows.values()
        }
        assert found == {
            one.id: (one.state, one.attempt, one.fence, one.max_attempts, one.interruptions)
            for one in self.jobs.values()
        }
        lapsed = {row.id for row in rows.values() if row.lapse == "lease"}
        due = {
            one.id for one in self.jobs.values() if one.until_ms is not None and one.until_ms <= self.now_ms
        }
        assert lapsed == due


@pytest.mark.parametrize("harness", HARNESSES)
def test_any_sequence_of_calls_does_what_the_model_says(harness: str) -> None:
    machine = type("LifeOf", (Life,), {"harness": harness})
    # Over HTTP a call takes fifty times as long.
    lives, steps = (2, 12) if harness == "http" else (8, 30)
    if settings().max_examples > LEAN:
        lives *= 50
    run_state_machine_as_test(machine, settings=settings(max_examples=lives, stateful_step_count=steps))
