"""The smallest tasks: `echo`, `reverse`, `text.count` and `wait`.

wherry worker sqlite:jobs.db --tasks wherry.examples.basic
wherry submit sqlite:jobs.db reverse "two shores" --wait
"""

from __future__ import annotations

import asyncio
from typing import Any

from wherry import Context, PermanentError, task

STEP_S = 0.2
LONGEST_WAIT_S = 3600


@task(name="echo")
async def echo(value: Any) -> Any:
    """Give back what came, whatever JSON it is."""
    return value


@task(name="reverse")
async def reverse(text: str) -> str:
    """Turn a text around."""
    return text[::-1]


@task(name="text.count")
async def count_words(text: str, context: Context) -> int:
    """Count the words of a text."""
    words = text.split()
    context.progress(50, "split", {"characters": len(text)})
    return len(words)


@task(name="wait")
async def wait(seconds: float, context: Context) -> dict[str, Any]:
    """Wait so many seconds and tell how far it is, five times a second.

    Raises: `PermanentError` for a time below 0 or above an hour.
    """
    if not 0 <= seconds <= LONGEST_WAIT_S:
        raise PermanentError(f"cannot wait {seconds:g} s: choose 0 to {LONGEST_WAIT_S}.")
    steps = max(1, round(seconds / STEP_S))
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    for step in range(1, steps + 1):
        # Towards the instant of this step, so that many short sleeps do not add up their delays.
        await asyncio.sleep(started_s + seconds * step / steps - loop.time())
        passed = seconds * step / steps
        context.progress(100 * step / steps, f"{passed:.1f} of {seconds:g} s", {"step": step, "steps": steps})
    return {"seconds": seconds, "steps": steps, "attempt": context.attempt}
