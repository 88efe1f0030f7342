"""R2: the coroutines that run jobs, and whose turn it is."""

from __future__ import annotations

import asyncio

from wherry.runners import Runners



async def until_free(runners: Runners[str], slots: int) -> None:
    async with asyncio.timeout(5):
        while runners.free < slots:
            await asyncio.sleep(0)


async def test_work_that_never_waits_is_done_by_one_runner_in_line() -> None:
    done: list[tuple[str, asyncio.Task[object] | None]] = []

    async def run(work: str) -> None:
        done.append((work, asyncio.current_task()))

    runners = Runners(run, 10, freed=lambda: None)
    for work in "abcdefgh":
        runners.assign(work)
    await until_free(runners, 10)

    assert [work for work, _ in done] == list("abcdefgh")
    assert len({task for _, task in done}) == 1
    await runners.end()


async def test_work_that_waits_lets_the_next_in_line_begin() -> None:
    begun: list[str] = []
    gate = asyncio.Event()

    async def run(work: str) -> None:
        begun.append(work)
        await gate.wait()

    runners = Runners(run, 3, freed=lambda: None)
    for work in "abc":
        runners.assign(work)
    async with asyncio.timeout(5):
        while len(begun) < 3:
            await asyncio.sleep(0)

    assert (begun, runners.free) == (["a", "b", "c"], 0)
    gate.set()
    await until_free(runners, 3)
    await runners.end()


async def test_busy_work_leaves_turns_to_the_rest_of_the_loop() -> None:
    """Fifty pieces of 1 ms: something else runs long before the last of them."""
    done: list[str] = []

    async def run(work: str) -> None:
        end_s = asyncio.get_running_loop().time() + 0.001
        while asyncio.get_running_loop().time() < end_s:
            pass
        done.append(work)

    runners = Runners(run, 50, freed=lambda: None)
    for number in range(50):
        runners.assign(str(number))
    for _ in range(3):
        await asyncio.sleep(0)

    assert 0 < len(done) < 40
    await until_free(runners, 50)
    await runners.end()


async def test_each_end_of_a_piece_is_told_though_the_runner_goes_on() -> None:
    """What is done must be settled, however long the next piece takes."""
    gate, told = asyncio.Event(), asyncio.Event()

    async def run(work: str) -> None:
        if work == "long":
            await gate.wait()

    runners = Runners(run, 2, freed=told.set)
    runners.assign("short")
    runners.assign("long")
    async with asyncio.timeout(5):
        await told.wait()

    assert runners.free == 1
    gate.set()
    await until_free(runners, 2)
    await runners.end()


async def test_what_stands_in_line_at_the_end_is_dropped() -> None:
    begun: list[str] = []

    async def run(work: str) -> None:
        begun.append(work)

    runners = Runners(run, 2, freed=lambda: None)
    runners.assign("a")
    runners.assign("b")
    await runners.end()

    assert (begun, runners.free) == ([], 2)
