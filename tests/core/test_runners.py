"""R2: the coroutines that run jobs, and whose turn it is."""

from __future__ import annotations

import asyncio

from wherry.runners import Runners


class Count:
    """Counts calls; `reached(n)` waits for the n-th."""

    def __init__(self) -> None:
        self._calls = 0
        self._event = asyncio.Event()

    def __call__(self, *_: object) -> None:
        self._calls += 1
        self._event.set()

    async def reached(self, calls: int) -> None:
        async with asyncio.timeout(5):
            while self._calls < calls:
                self._event.clear()
                await self._event.wait()


async def test_work_that_never_waits_is_done_by_one_runner_in_line() -> None:
    done: list[tuple[str, asyncio.Task[object] | None]] = []

    async def run(work: str, _: object) -> None:
        done.append((work, asyncio.current_task()))

    ended = Count()
    runners = Runners(run, 10, ended=ended)
    for work in "abcdefgh":
        runners.assign([work])
    await ended.reached(8)

    assert [work for work, _ in done] == list("abcdefgh")
    assert len({task for _, task in done}) == 1
    await runners.end()


async def test_work_that_waits_lets_the_next_in_line_begin() -> None:
    order: list[str] = []
    begun, ended, gate = Count(), Count(), asyncio.Event()

    async def run(work: str, _: object) -> None:
        order.append(work)
        begun()
        await gate.wait()

    runners = Runners(run, 3, ended=ended)
    for work in "abc":
        runners.assign([work])
    await begun.reached(3)

    assert (order, runners.free) == (["a", "b", "c"], 0)
    gate.set()
    await ended.reached(3)
    await runners.end()


async def test_busy_work_leaves_turns_to_the_rest_of_the_loop() -> None:
    """Fifty pieces of 1 ms: something else runs long before the last of them."""
    done: list[str] = []

    async def run(work: str, _: object) -> None:
        end_s = asyncio.get_running_loop().time() + 0.001
        while asyncio.get_running_loop().time() < end_s:
            pass
        done.append(work)

    ended = Count()
    runners = Runners(run, 50, ended=ended)
    for number in range(50):
        runners.assign([str(number)])
    for _ in range(3):
        await asyncio.sleep(0)

    assert 0 < len(done) < 40
    await ended.reached(50)
    await runners.end()


async def test_each_end_of_a_piece_is_told_though_the_runner_goes_on() -> None:
    """What is done must be settled, however long the next piece takes."""
    gate, ended = asyncio.Event(), Count()

    async def run(work: str, _: object) -> None:
        if work == "long":
            await gate.wait()

    runners = Runners(run, 2, ended=ended)
    runners.assign(["short"])
    runners.assign(["long"])
    await ended.reached(1)

    assert runners.free == 1
    gate.set()
    await ended.reached(2)
    await runners.end()


async def test_what_stands_in_line_at_the_end_is_dropped() -> None:
    begun: list[str] = []

    async def run(work: str, _: object) -> None:
        begun.append(work)

    runners = Runners(run, 2, ended=lambda *_: None)
    runners.assign(["a"])
    runners.assign(["b"])
    await runners.end()

    assert (begun, runners.free) == ([], 2)
