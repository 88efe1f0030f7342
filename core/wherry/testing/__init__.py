"""For tests of code that submits jobs: run them at once or to their end, and see what was submitted.

    async with inline_queue(tasks=[welcome]) as client:     # submit runs the job at once
    await drain(storage, [welcome], advance=clock)          # all jobs to their end, whatever is due when
    await assert_submitted(client, welcome, "ada@example.org", priority=-5)

Beside these: `wherry.testing.simulate`, `wherry.testing.faults`, and `wherry.testing.conformance` for
those who write a storage.
"""

from wherry.clock import ManualClock
from wherry.testing.assertions import assert_submitted
from wherry.testing.draining import Drained, drain
from wherry.testing.inline import inline, inline_queue
from wherry.testing.overriding import override

__all__ = ["Drained", "ManualClock", "assert_submitted", "drain", "inline", "inline_queue", "override"]
