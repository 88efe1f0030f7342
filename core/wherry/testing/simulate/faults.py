"""What goes wrong in a simulation, and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Chances of what may go wrong; all 0 but the latency gives a calm run.

    The first five are events a virtual minute of the trouble (which lasts `trouble_s`), the others
    the chance of each call or hint, 0 to 1.
    """

    kills: float = 2.0
    """A process, worker or client, dies between two instructions; another starts some seconds later."""
    freezes: float = 1.5
    """A process stands still for up to three leases, then goes on where it was."""
    blocks: float = 1.5
    """A worker's loop is blocked for up to three leases; its keeper goes on."""
    clock_jumps: float = 1.0
    """A wall clock is set up to an hour wrong, the store's or a machine's, and right again later."""
    outages: float = 0.5
    """Nobody reaches the storage for up to a lease."""
    refused: float = 0.02
    """The call is not applied, and the caller knows."""
    lost_requests: float = 0.02
    """The call is not applied, and the caller cannot know."""
    lost_replies: float = 0.02
    """The call is applied, and the caller cannot know."""
    repeated: float = 0.02
    """The call arrives twice."""
    cut_hints: float = 0.02
    """Instead of a hint the listener gets `StorageUnavailable`."""
    late_hints: float = 0.1
    """The hint comes seconds late, as from a storage's own poll after a lost one."""
    doubled_hints: float = 0.1
    latency_ms: float = 3.0
    """Each way, on average."""
    trouble_s: float = 60.0
    """How long things go wrong; then all must come to an end."""

    def some(self, dice: random.Random) -> Faults:
        """A part of these, at other strengths: a bug often needs one fault much and another not at all."""
        kept = ("latency_ms", "trouble_s")
        chosen = {
            one.name: getattr(self, one.name) * dice.choice((0.0, 0.0, 0.5, 1.0, 3.0))
            for one in fields(self)
            if one.name not in kept
        }
        return replace(self, **chosen)


CALM = Faults(**{one.name: 0.0 for one in fields(Faults) if one.name not in ("latency_ms", "trouble_s")})
"""Nothing goes wrong but that calls take time."""
