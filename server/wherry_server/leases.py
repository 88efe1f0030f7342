"""Keeps remote sweepers from judging leases while this host's clock cannot be trusted.

Leases are judged by the clock of the store's host.  A sweeper on another machine cannot see that clock jump,
so the server sees to it (CONTRACT rule 1): for one lease after its start and after each jump, lapsed leases
are not shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry import entropy
from wherry.job import JobRow
from wherry.sweeper import Grace, steady_ms

Page = tuple[Sequence[JobRow], str | None]


class LeaseGuard:
    """One server's view of its own clock.

    Args:
        grace_ms: how long nothing is judged after the start and after a jump.
    """

    def __init__(self, grace_ms: int) -> None:
        self._grace = Grace(grace_ms)

    def only_judged(self, page: Page) -> Page:
        """A page of lapsed jobs without those whose holders may only need time to renew."""
        rows, cursor = page
        judged = self._grace.allows(wall_ms=entropy.wall_ms(), steady_ms=steady_ms())
        return [row for row in rows if row.lapse != "lease" or (judged and self._is_over(row))], cursor

    def _is_over(self, row: JobRow) -> bool:
        return not self._grace.spares(row.lease_until_ms)
