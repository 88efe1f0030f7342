"""Tasks that are hard on the Python that runs them."""

from __future__ import annotations

import asyncio
import ctypes
import random
import time
import uuid

from wherry import JobTimeout, task


@task(name="alone.loop", isolation="worker", max_attempts=1)
def alone_loop():
    while True:
        pass


@task(name="alone.spin", isolation="worker")
def alone_spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return seconds


@task(name="tidy.loop", max_attempts=1)
def tidy_loop(context):
    """Blocks until it is interrupted, and tells of its own end."""
    try:
        while True:
            pass
    finally:
        context.progress(100, "tidied up")


@task(name="deaf.loop", max_attempts=1)
def deaf_loop():
    """Goes on whatever is raised in it."""
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


@task(name="slow", never_retry=[JobTimeout])
def slow():
    while True:
        pass


@task(name="break", max_attempts=1)
def break_down():
    """Read where there is no memory, which ends the whole of Python."""
    return ctypes.string_at(0xFFFF_FFF0, 8)


@task(name="hoard")
def hoard(megabytes):
    return len(bytearray(megabytes * 2**20))


@task(name="long")
async def long(length):
    return "x" * length


@task(name="nap")
async def nap(seconds):
    await asyncio.sleep(seconds)
    return seconds


@task(name="trace")
async def trace(pause_s, context):
    """Tell every open page of this execution; the result names the one that it is of."""
    from js import BroadcastChannel  # pyright: ignore[reportMissingImports] - the browser's

    mark = f"{context.job.id} {context.job.fence} {uuid.uuid4()}"
    channel = BroadcastChannel.new("trace")
    channel.postMessage(mark)
    channel.close()
    await asyncio.sleep(random.random() * 2 * pause_s)
    return mark
