"""Tasks that a tab runs for a server; CPython imports the same file to submit them and to take over."""

from __future__ import annotations

import asyncio
import sys
import time

from wherry import task


@task(name="guest.where")
async def where(value):
    """Where this runs, with the value."""
    return [sys.platform, value]


@task(name="guest.tab", place="browser")
async def tab():
    return sys.platform


@task(name="guest.kept")
async def kept():
    """Of a build that is older than the server's, which keeps it to itself."""
    return sys.platform


@task(name="guest.stay")
async def stay():
    """Does not end in a tab, and at once elsewhere."""
    if sys.platform == "emscripten":
        await asyncio.sleep(600)
    return sys.platform


@task(name="guest.spin")
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return sys.platform
