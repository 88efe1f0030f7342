"""The storage contract as cases: the same for every storage, under pytest and in the browser.

    for case in CASES.values():
        async with world_of_my_storage() as world:
            await case.run(world)

A world is one empty store with a clock that only the case moves.  Most cases call the verbs; those of the
last four topics run the real client, worker and server over the store, and want pydantic.
"""

from wherry.testing.conformance import (
    adding,
    altering,
    claiming,
    clocks,
    crowds,
    deadlines,
    dependencies,
    feed,
    leases,
    lines,
    observing,
    opening,
    ordering,
    payloads,
    putting_back,
    querying,
    races,
    records,
    repeats,
    reporting,
    retaining,
    reunions,
    settling,
    submitting,
    suspending,
    trying,
    uniqueness,
    waiting,
    working,
)
from wherry.testing.conformance.builders import add, asking, claim, new_job, settle, settlement
from wherry.testing.conformance.world import CASES, Case, World, case

TOPICS = (
    opening, adding, claiming, waiting, settling, leases, deadlines, retaining, altering, putting_back,
    uniqueness, dependencies, ordering, lines, suspending, reporting, feed, records, querying, payloads,
    races, reunions, crowds, clocks, repeats, working, trying, submitting, observing,
)  # fmt: skip
"""The modules with the cases."""

__all__ = [
    "CASES",
    "TOPICS",
    "Case",
    "World",
    "add",
    "asking",
    "case",
    "claim",
    "new_job",
    "settle",
    "settlement",
]
