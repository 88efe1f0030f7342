"""Calls that join: who leaves together, what each is answered, and what one's failure means for others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import pytest

from wherry.clock import ManualClock
from wherry.errors import StorageUnavailable, UnsupportedByStorage
from wherry.job import JobRow
from wherry.messages import (
    Added,
    ClaimRequest,
    Exchanged,
    Gate,
    Lease,
    NewJob,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Verdict,
)
from wherry.storage.joined import JoinedStorage
from wherry.storage.memory import MemoryStorage
from wherry.testing.conformance import CASES, World, add, asking, claim, new_job, settlement
from wherry.testing.conformance.builders import row

T = TypeVar("T")


class SlowStorage(MemoryStorage):
    """Memory that answers when it is let, as a disk or a network does, and counts the rows of its calls."""

    def __init__(self) -> None:
        super().__init__(clock=ManualClock())
        self.open = asyncio.Event()
        self.calls: list[tuple[str, int]] = []
        self.lose_replies = False

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        return await self._slowly("add", len(jobs), super().add(jobs, records=records))

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        limit = claim.limit if claim else 0
        return await self._slowly("exchange", len(settle) + limit, super().exchange(settle, claim))

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        return await self._slowly("renew", len(leases), super().renew(leases, lease_ms=lease_ms))

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        return await self._slowly("report", len(reports), super().report(reports))

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        return await self._slowly("signal", len(signals), super().signal(signals))

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        return await self._slowly("get", len(ids), super().get(ids))

    async def _slowly(self, verb: str, rows: int, call: Coroutine[Any, Any, T]) -> T:
        self.calls.append((verb, rows))
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            call.close()
            raise
        answer = await call
        if self.lose_replies:
            raise StorageUnavailable("the reply was lost", outcome_unknown=True)
        return answer


@pytest.fixture
def slow() -> SlowStorage:
    return SlowStorage()


@pytest.fixture
def joined(slow: SlowStorage) -> JoinedStorage:
    return JoinedStorage(slow)


async def together(slow: SlowStorage, *calls: Awaitable[T]) -> list[T]:
    """Start the calls one after the other, then let the storage answer."""
    tasks = await begin(*calls)
    slow.open.set()
    return await asyncio.gather(*tasks)


async def begin(*calls: Awaitable[T]) -> list[asyncio.Task[T]]:
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    return tasks  # pyright: ignore[reportReturnType] - a coroutine's future is a task


async def prepared(slow: SlowStorage, *ids: str) -> None:
    slow.open.set()
    await add(slow, *ids)
    slow.calls.clear()
    slow.open.clear()


# --- who leaves together -----------------------------------------------------------------------------
def test_a_lone_call_goes_out_without_a_turn_of_the_loop() -> None:
    call = JoinedStorage(MemoryStorage()).add([new_job("a")])

    with pytest.raises(StopIteration) as ended:
        call.send(None)

    assert [added.verdict for added in ended.value.value] == ["ok"]


async def test_calls_that_come_meanwhile_leave_together(slow: SlowStorage, joined: JoinedStorage) -> None:
    verdicts = await together(slow, *(add(joined, f"{number:02d}") for number in range(100)))

    assert slow.calls == [("add", 1), ("add", 99)]
    assert verdicts == [["ok"]] * 100


async def test_no_more_than_512_rows_join(slow: SlowStorage, joined: JoinedStorage) -> None:
    await together(slow, *(add(joined, f"{number:03d}") for number in range(600)))

    assert [rows for _, rows in slow.calls] == [1, 512, 87]


async def test_no_more_than_4_mib_of_payload_joins(slow: SlowStorage, joined: JoinedStorage) -> None:
    mebibyte = '"' + "x" * (2**20 - 2) + '"'
    await together(slow, *(joined.add([new_job(str(number), input=mebibyte)]) for number in range(8)))

    assert [rows for _, rows in slow.calls] == [1, 4, 3]


async def test_one_callers_rows_stay_together(slow: SlowStorage, joined: JoinedStorage) -> None:
    many = [f"{number:04d}" for number in range(1000)]
    await together(slow, add(joined, "a"), add(joined, "b"), add(joined, *many), add(joined, "c"))

    assert [rows for _, rows in slow.calls] == [1, 1, 1000, 1]


async def test_records_go_with_their_own_jobs_alone(slow: SlowStorage, joined: JoinedStorage) -> None:
    records = [RecordWrite("kind", "key", 0, "1")]
    await together(
        slow, *(joined.add([new_job(name)], records=records) for name in ("a", "b")), add(joined, "c")
    )

    assert [rows for _, rows in slow.calls] == [1, 1, 1]
    assert {name: (await row(slow, name)).state for name in "ac"} == {"a": "pending", "c": "pending"}


async def test_renewals_wait_for_no_other_verb(slow: SlowStorage, joined: JoinedStorage) -> None:
    tasks = await begin(add(joined, "a"), joined.renew([Lease("x", 1)], lease_ms=5000))

    assert [verb for verb, _ in slow.calls] == ["add", "renew"]
    slow.open.set()
    await asyncio.gather(*tasks)


async def test_renewals_of_one_length_join(slow: SlowStorage, joined: JoinedStorage) -> None:
    calls = [joined.renew([Lease("x", 1)], lease_ms=lease_ms) for lease_ms in (1000, 1000, 1000, 2000, 2000)]

    assert await together(slow, *calls) == [["unknown"]] * 5
    assert [rows for _, rows in slow.calls] == [1, 2, 2]


async def test_reports_signals_and_gets_join(slow: SlowStorage, joined: JoinedStorage) -> None:
    await prepared(slow, "a", "b")
    reports = [joined.report([Report(name, 1, percent=1)]) for name in ("a", "x", "b")]
    signals = [joined.signal([Signal(name, "go", "1", "1")]) for name in ("a", "x", "b")]
    gets = [joined.get(ids) for ids in (["a"], ["a", "x"], ["b", "a"])]
    tasks = await begin(*chain[Awaitable[Any]](reports, signals, gets))
    slow.open.set()
    answers = await asyncio.gather(*tasks)

    assert answers[:6] == [["lost"], ["unknown"], ["lost"], ["ok"], ["unknown"], ["ok"]]
    assert [sorted(found) for found in answers[6:]] == [["a"], ["a"], ["a", "b"]]
    assert slow.calls == [("report", 1), ("signal", 1), ("get", 1), ("report", 2), ("signal", 2), ("get", 3)]


# --- what each is answered -----------------------------------------------------------------------------
async def test_verdicts_are_dealt_back_in_order(slow: SlowStorage, joined: JoinedStorage) -> None:
    calls = [add(joined, *ids) for ids in (["a"], ["b", "a"], [], ["c"], ["b", "d", "c"])]

    assert await together(slow, *calls) == [
        ["ok"],
        ["ok", "duplicate"],
        [],
        ["ok"],
        ["duplicate", "ok", "duplicate"],
    ]
    assert len(slow.calls) == 2


async def test_settlements_of_several_callers_join(slow: SlowStorage, joined: JoinedStorage) -> None:
    await prepared(slow, *"abc")
    slow.open.set()
    jobs = {job.id: job for job in await claim(slow, limit=3)}
    slow.open.clear()
    slow.calls.clear()
    ends = [[settlement(jobs[name], "complete", output=f'"{name}"')] for name in "abc"]

    answers = await together(slow, *(joined.exchange(settle, None) for settle in [*ends, ends[0]]))

    assert [answer.verdicts for answer in answers] == [["ok"]] * 4
    assert slow.calls == [("exchange", 1), ("exchange", 3)]
    assert {(await row(slow, name)).output for name in "abc"} == {'"a"', '"b"', '"c"'}


async def test_claims_that_join_share_the_jobs_in_order(slow: SlowStorage, joined: JoinedStorage) -> None:
    await prepared(slow, *"abcdefg")
    limits = (1, 2, 3, 4)

    answers = await together(slow, *(joined.exchange([], asking(limit)) for limit in limits))

    assert ["".join(job.id for job in answer.jobs) for answer in answers] == ["a", "bc", "def", "g"]
    assert slow.calls == [("exchange", 1), ("exchange", 9)]


async def test_who_gets_nothing_of_a_shared_claim_is_told_to_ask_again(
    slow: SlowStorage, joined: JoinedStorage
) -> None:
    await prepared(slow, "a", "b")
    await slow_add(slow, new_job("later", delay_ms=500))

    answers = await together(slow, *(joined.exchange([], asking(1)) for _ in range(3)))
    lone = await joined.exchange([], asking(1))

    assert [answer.next_due_in_ms for answer in answers] == [None, None, 0]
    assert lone.next_due_in_ms == 500


async def slow_add(slow: SlowStorage, job: NewJob) -> None:
    await MemoryStorage.add(slow, [job])


async def test_a_repeated_claim_gets_its_share_again(slow: SlowStorage, joined: JoinedStorage) -> None:
    await prepared(slow, *"abcde")
    claims = [asking(1), asking(2), asking(1)]
    first = await together(slow, *(joined.exchange([], each) for each in claims))

    again = [await joined.exchange([], each) for each in claims]

    assert [answer.jobs for answer in again] == [answer.jobs for answer in first]
    assert len(await claim(joined, limit=9)) == 1, "the repeats must not have claimed"


async def test_a_claim_whose_reply_was_lost_is_found_by_repeating_it(
    slow: SlowStorage, joined: JoinedStorage
) -> None:
    await prepared(slow, *"abcd")
    claims = [asking(1), asking(1), asking(2)]
    slow.lose_replies = True
    tasks = await begin(*(joined.exchange([], each) for each in claims))
    slow.open.set()
    lost = await asyncio.gather(*tasks, return_exceptions=True)
    slow.lose_replies = False

    again = [await joined.exchange([], each) for each in claims]

    assert all(isinstance(error, StorageUnavailable) and error.outcome_unknown for error in lost), lost
    assert ["".join(job.id for job in answer.jobs) for answer in again] == ["a", "b", "cd"]
    assert {(await row(slow, name)).attempt for name in "abcd"} == {1}, "none may be charged twice"


async def test_claims_of_different_workers_go_apart(slow: SlowStorage, joined: JoinedStorage) -> None:
    await prepared(slow, *"abc")
    claims = [asking(1, worker=worker) for worker in ("one", "two", "two", "three")]

    answers = await together(slow, *(joined.exchange([], each) for each in claims))

    assert ["".join(job.id for job in answer.jobs) for answer in answers] == ["a", "b", "c", ""]
    assert slow.calls == [("exchange", 1), ("exchange", 2), ("exchange", 1)]


# --- failure and cancellation --------------------------------------------------------------------------
async def test_one_callers_bad_rows_fail_alone(slow: SlowStorage, joined: JoinedStorage) -> None:
    gated = new_job("gated", gates=(Gate("g", 1),))
    calls = [add(joined, "a"), add(joined, "b"), joined.add([gated]), add(joined, "c")]
    tasks = await begin(*calls)
    slow.open.set()

    answers: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)

    assert [answers[0], answers[1], answers[3]] == [["ok"]] * 3
    assert isinstance(answers[2], UnsupportedByStorage)


async def test_a_cancelled_caller_takes_nobody_along(slow: SlowStorage, joined: JoinedStorage) -> None:
    first, second, third = await begin(*(add(joined, name) for name in "abc"))
    first.cancel()
    await asyncio.wait((first,))
    await asyncio.sleep(0)
    second.cancel()
    slow.open.set()

    assert await third == ["ok"]
    assert second.cancelled()
    assert slow.calls[1] == ("add", 2)


async def test_a_caller_cancelled_while_it_waits_does_nothing(
    slow: SlowStorage, joined: JoinedStorage
) -> None:
    first, second, third = await begin(*(add(joined, name) for name in "abc"))
    second.cancel()
    slow.open.set()

    assert (await first, await third) == (["ok"], ["ok"])
    assert set(await slow.get(["a", "b", "c"])) == {"a", "c"}


async def test_a_cancelled_claim_is_found_by_repeating_it(slow: SlowStorage, joined: JoinedStorage) -> None:
    await prepared(slow, *"abc")
    claims = [asking(1), asking(1), asking(1)]
    tasks = await begin(*(joined.exchange([], each) for each in claims))
    slow.open.set()
    await tasks[0]
    slow.open.clear()
    await asyncio.sleep(0)
    tasks[1].cancel()
    slow.open.set()

    assert [job.id for job in (await tasks[2]).jobs] == ["c"]
    assert [job.id for job in (await joined.exchange([], claims[1])).jobs] == ["b"]


async def test_leaving_waits_for_those_under_way(slow: SlowStorage) -> None:
    async with JoinedStorage(slow) as joined:
        tasks = await begin(*(add(joined, name) for name in "abc"))
        asyncio.get_running_loop().call_soon(slow.open.set)

    assert [task.result() for task in tasks] == [["ok"]] * 3


async def test_a_fork_joins_on_its_own_and_keeps_the_namespace(slow: SlowStorage) -> None:
    joined = JoinedStorage(slow, namespace="tenant")

    fork = joined.fork()

    assert isinstance(fork, JoinedStorage)
    assert (fork.namespace, fork.url, fork.capabilities) == ("tenant", joined.url, joined.capabilities)


@pytest.mark.parametrize("name", CASES)
async def test_conformance_joined(name: str) -> None:
    clock = ManualClock()
    async with JoinedStorage(MemoryStorage(clock=clock)) as storage:
        await CASES[name].run(World(storage, clock, storage.fork))
