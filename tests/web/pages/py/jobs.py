"""Tasks that the tests of the tab run: annotated with nothing, so that they start without pydantic."""

from __future__ import annotations

import asyncio
import time
import uuid

from wherry import task


@task(name="echo")
async def echo(value):
    return value


@task(name="nothing")
async def nothing():
    return "nothing"


@task(name="power")
async def power(exponent):
    return 2**exponent


@task(name="fail", max_attempts=1)
async def fail(message):
    raise ValueError(message)


@task(name="steps")
async def steps(count, context):
    for step in range(1, count + 1):
        context.progress(100 * step / count, f"step {step}", {"step": step})
        await asyncio.sleep(0.25)
    return count


@task(name="blocking.steps")
def blocking_steps(count, context):
    for step in range(1, count + 1):
        context.progress(100 * step / count, f"step {step}")
        spin(0.4)
    return count


@task(name="sleep")
async def sleep(seconds):
    await asyncio.sleep(seconds)
    return seconds


@task(name="spin")
def spin(seconds):
    """Block the thread, as code that computes does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return seconds


@task(name="loop", max_attempts=1)
def loop():
    while True:
        pass


@task(name="hidden.loop", max_attempts=1)
async def hidden_loop():
    """Looks like a coroutine, and blocks all the same."""
    while True:
        pass


@task(name="ledger")
async def ledger(seconds, context):
    """Tell every open page of this attempt, then return what no other attempt does."""
    from js import BroadcastChannel  # pyright: ignore[reportMissingImports] - the browser's

    channel = BroadcastChannel.new("ledger")
    channel.postMessage(f"{context.job.id} {context.job.fence}")
    channel.close()
    await asyncio.sleep(seconds)
    return str(uuid.uuid4())
