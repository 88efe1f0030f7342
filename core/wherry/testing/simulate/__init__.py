"""The real core on virtual machines: killed, frozen, blocked, cut off, with wrong clocks, replayed by a seed.

    trace = simulate(7)         # raises Violation, which says the seed, the step and the rule
    assert simulate(7).digest == trace.digest

`python -m wherry.testing.simulate --seeds 1000:5000` runs many.
"""

from __future__ import annotations

from wherry.testing.simulate.faults import CALM, Faults
from wherry.testing.simulate.simulation import OpenStore, Simulation, in_memory
from wherry.testing.simulate.trace import Trace, Violation

__all__ = ["CALM", "Faults", "Trace", "Violation", "simulate"]


def simulate(
    seed: int,
    *,
    workers: int = 3,
    clients: int = 2,
    jobs: int = 30,
    lease: float = 10.0,
    faults: Faults | None = None,
    store: OpenStore = in_memory,
) -> Trace:
    """Run the real clients, workers, sweepers and lease keepers over a store until every job has ended.

    After each step it is checked that no job is lost, none has two accepted results, no lease is taken
    early or left alone too long, fences, attempts, uniqueness, dependencies and the feed hold; at the
    end, that everything ended.  Needs no real time, files or threads, and may be called anywhere.

    Args:
        seed: decides everything: who does what, when, and what goes wrong.
        workers: processes with a worker, a lease keeper and a sweeper each.
        clients: processes that submit, wait for results, cancel and put back.
        jobs: how many are submitted, besides the children of some.
        lease: seconds a claim holds without renewal.
        faults: what goes wrong; by default a part of `Faults()` that the seed chooses.
        store: opens the store, given its clock; by default one in memory.  Its verbs must not wait.

    Returns:
        The trace; equal seeds and arguments give equal `digest`s.

    Raises:
        Violation: something that is promised did not hold.
    """
    return Simulation(
        seed, workers=workers, clients=clients, jobs=jobs, lease=lease, faults=faults, store=store
    ).run()
