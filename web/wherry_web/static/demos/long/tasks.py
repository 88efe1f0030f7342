"""Looks for the number with the longest Collatz chain: halve it, or triple it and add one, until it is 1."""

import asyncio
from typing import TypedDict

from wherry import Context, task

SLICE = 500


class Leg(TypedDict):
    first: int
    last: int


@task(name="collatz.longest", timeout=600)
async def longest(leg: Leg, context: Context) -> dict[str, int]:
    """The best start of this leg.  After each slice it tells how far it is and lets the others in."""
    best, steps, number = 1, 0, leg["first"]
    try:
        for number in range(leg["first"], leg["last"] + 1):
            length = chain(number)
            if length > steps:
                best, steps = number, length
            if number % SLICE == 0:
                done = (number - leg["first"]) / (leg["last"] - leg["first"])
                context.progress(100 * done, f"{best:,} needs {steps} steps")
                await asyncio.sleep(0)  # a cancel arrives here
    finally:
        if context.cancelled:
            context.log("stopped", at=number, best=best, steps=steps)
    return {"best": best, "steps": steps}


def chain(number: int) -> int:
    steps = 0
    while number != 1:
        number = 3 * number + 1 if number % 2 else number // 2
        steps += 1
    return steps
