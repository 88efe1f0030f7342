"""The tide at a made-up harbour, from five of the sun's and the moon's pulls."""

import asyncio
from math import cos, radians

from wherry import task

# Amplitude in metres, speed in degrees an hour, phase in degrees.
PULLS = ((1.02, 28.984, 318), (0.35, 30.0, 1), (0.21, 28.44, 295), (0.11, 15.041, 160), (0.12, 13.943, 20))


@task(name="tide.height")
async def height(hour: int) -> float:
    """Metres above the mean, so many hours from now.  Slow on purpose: close the tab while it runs."""
    await asyncio.sleep(0.7)
    return round(sum(metres * cos(radians(speed * hour - phase)) for metres, speed, phase in PULLS), 2)
