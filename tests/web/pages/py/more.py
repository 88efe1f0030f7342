"""What a newer build of an app brings."""

from __future__ import annotations

from wherry import task


@task(name="more")
async def more(number):
    return number + 1
