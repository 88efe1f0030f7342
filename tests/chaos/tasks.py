"""What the workers run whom the chaos tests kill, stop and lie to."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path

from wherry import Backoff, Context, task

AT_ONCE = Backoff(first=0.0, jitter=0)


def tell(ledger: str, fact: str) -> None:
    """One line; lines of several processes do not mix."""
    with open(ledger, "a") as file:
        file.write(f"{fact}\n")


@task(name="count", max_attempts=1000, retry=AT_ONCE)
async def count(pause_s: float, context: Context) -> str:
    """Leave a trace of each execution; the result names the one that it is of."""
    mark = f"{context.job.id} {context.job.fence} {os.getpid()}"
    tell(os.environ["LEDGER"], mark)
    await asyncio.sleep(random.random() * 2 * pause_s)
    return mark


@task(name="block", retry=AT_ONCE)
async def block(seconds: float) -> int:
    """Block the worker's whole event loop."""
    time.sleep(seconds)  # noqa: ASYNC251 - blocking is the case
    return os.getpid()


@task(name="block_first", retry=AT_ONCE)
async def block_first(seconds: float, context: Context) -> str:
    """Only the first attempt blocks."""
    if context.attempt == 1:
        time.sleep(seconds)  # noqa: ASYNC251 - blocking is the case
    return f"attempt {context.attempt}"


@task(name="wait", retry=AT_ONCE)
async def wait(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return os.getpid()


@task(name="linger", retry=AT_ONCE)
async def linger(ledger: str, context: Context) -> str:
    """The first attempt waits until it is told to stop, and keeps a note of it."""
    if context.attempt == 1:
        tell(ledger, "begun")
        try:
            await asyncio.sleep(60)
        finally:
            tell(ledger, "told to stop")
    return f"attempt {context.attempt}"


@task(name="poison", max_attempts=3, retry=AT_ONCE)
async def poison() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task(name="linger_in_thread", retry=AT_ONCE)
def linger_in_thread(ledger: str, context: Context) -> None:
    tell(ledger, "begun")
    while not context.cancelled:
        time.sleep(0.01)
    tell(ledger, "told to stop")
    raise RuntimeError("stopped")


@task(name="linger_in_process", isolation="process", retry=AT_ONCE)
def linger_in_process(ledger: str) -> None:
    tell(ledger, "begun")
    while True:
        sum(range(1000))


@task(name="now", retry=AT_ONCE)
async def now() -> int:
    """When it was run, in nanoseconds of the machine's steady clock."""
    return time.monotonic_ns()


ALL = (count, block, block_first, wait, linger, poison, linger_in_thread, linger_in_process, now)


def read(ledger: Path) -> list[str]:
    return ledger.read_text().splitlines() if ledger.exists() else []
