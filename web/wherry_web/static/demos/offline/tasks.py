"""Plans a passage between two harbours."""

from math import acos, atan2, cos, degrees, radians, sin
from typing import TypedDict

from wherry import PermanentError, task

HARBOURS = {
    "Aberdeen": (57.14, -2.08), "Bergen": (60.39, 5.32), "Esbjerg": (55.47, 8.44),
    "Lerwick": (60.15, -1.14), "Stavanger": (58.97, 5.73), "Wick": (58.44, -3.08),
}  # fmt: skip


class Voyage(TypedDict):
    start: str
    end: str
    knots: float


@task(name="passage.plan")
def plan(voyage: Voyage) -> dict[str, float]:
    """Sea miles on a great circle, the first course in degrees, and the hours at that speed."""
    start, end = voyage["start"], voyage["end"]
    if start == end:
        raise PermanentError(f"you are in {start} already: choose another harbour.")
    (north, east), (to_north, to_east) = (map(radians, HARBOURS[name]) for name in (start, end))
    turn = to_east - east
    miles = 60 * degrees(acos(sin(north) * sin(to_north) + cos(north) * cos(to_north) * cos(turn)))
    ahead = cos(north) * sin(to_north) - sin(north) * cos(to_north) * cos(turn)
    course = degrees(atan2(sin(turn) * cos(to_north), ahead)) % 360
    return {"miles": round(miles), "course": round(course), "hours": round(miles / voyage["knots"], 1)}
