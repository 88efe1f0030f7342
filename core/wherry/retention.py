"""How long, and how many, final jobs are kept; and their removal in small batches (R11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wherry.messages import Filter, SettleKind, Settlement, State
from wherry.storage.protocol import HIDDEN_FOR_MS, Storage

_BATCH = 500
"""Jobs removed in one transaction, so that none holds a lock for long."""

_STATES: Mapping[SettleKind, State] = {"complete": "completed", "fail": "failed", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a server keeps of the final jobs of its namespaces; a state that is not named stays whole."""

    namespaces: tuple[str, ...] = ()
    age_ms: Mapping[State, int] = field(default_factory=dict[State, int])
    """By state: milliseconds from the end of the job."""
    most: Mapping[State, int] = field(default_factory=dict[State, int])
    """By state: how many jobs of each namespace."""

    def retain_ms(self, kind: SettleKind) -> int | None:
        """`Settlement.retain_ms` of a settlement of this kind."""
        state = _STATES.get(kind)
        return None if state is None else self.age_ms.get(state)

    def apply(self, settlement: Settlement, namespace: str) -> Settlement:
        """The settlement of a job of that namespace with what is to be kept of it."""
        return (
            settlement._replace(retain_ms=self.retain_ms(settlement.kind))
            if namespace in self.namespaces
            else settlement
        )


async def clean(storage: Storage, retention: Retention) -> None:
    """Remove what is kept no longer.  Any number may do so at once."""
    await _remove_all(storage, Filter(expired=True))
    for state, age_ms in retention.age_ms.items():
        # Those that ended without a settlement, as by `alter`, say nothing of themselves.  Not before
        # those who wait for the outcome had time to read it.
        await _remove_all(
            storage,
            Filter(
                namespaces=retention.namespaces, states=(state,), finished_for_ms=max(age_ms, HIDDEN_FOR_MS)
            ),
        )
    for namespace in retention.namespaces:
        for state, most in retention.most.items():
            await _remove_beyond(storage, Filter(namespaces=(namespace,), states=(state,)), most)


async def _remove_all(storage: Storage, where: Filter) -> None:
    while await storage.alter(where, "remove", limit=_BATCH):
        continue


async def _remove_beyond(storage: Storage, where: Filter, most: int) -> None:
    """Remove the oldest of the jobs that match, but for `most`."""
    while await _total(storage, where) > most:
        oldest, _ = await storage.query(replace(where, oldest_first=True), limit=_BATCH)
        # Counted after they were read: what another sweeper has removed since is not removed twice over.
        beyond = max(0, await _total(storage, where) - most)
        ids = [row.id for row in oldest[:beyond]]
        if not ids or not await storage.alter(replace(where, ids=ids), "remove", limit=len(ids)):
            return


async def _total(storage: Storage, where: Filter) -> int:
    return (await storage.count(where)).get((), 0)
