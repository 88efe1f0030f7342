"""`Filter` as SQL: one narrow set of jobs to start from, and conditions for the rest.

The set is chosen here and not by SQLite: without statistics it guesses, and a wrong guess reads
every finished job.  Only fixed words go into the text; what people give is bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, cast, get_args

from wherry.messages import FINAL_STATES, Filter, State
from wherry.storage.sqlite.intake import checksum
from wherry.storage.sqlite.transaction import Transaction, to_json

STATES = cast("tuple[State, ...]", get_args(State))

_SETS: dict[State, tuple[str, ...]] = {
    "blocked": ("slot = 3", "slot = 6"),
    "pending": ("slot = 0", "slot = 1"),
    "running": ("slot = 4",),
    "suspended": ("slot = 1", "slot = 2"),
    "failed": ("state = 'failed' AND finished_at_ms IS NOT NULL AND hidden = 0",),
    "cancelled": ("state = 'cancelled' AND finished_at_ms IS NOT NULL AND hidden = 0",),
    "disabled": ("state = 'disabled' AND finished_at_ms IS NOT NULL AND hidden = 0",),
}
"""Where jobs of a state are, each worded as the index over them.  `completed` is absent: most jobs are."""

_LAPSED = (
    "SELECT seq FROM jobs WHERE slot = 6"
    " UNION SELECT seq FROM jobs WHERE slot = 4 AND lease_until_ms <= :now_ms"
    " UNION SELECT seq FROM jobs WHERE watch_at_ms <= :now_ms AND slot <> 5"
)


_ALL_BY_ID = "jobs AS j INDEXED BY jobs_id"


class Search(NamedTuple):
    """FROM, WHERE and parameters; jobs are `j`."""

    source: str
    conditions: str
    params: dict[str, object]
    by_lane_and_state: bool
    """Nothing but lanes and states was asked for."""


class Part(NamedTuple):
    """One demand of a filter: as a condition on `j`, and as a set of `seq` if an index gives it."""

    condition: str
    start: str = ""


def search(tx: Transaction, where: Filter, states: Collection[State] = STATES) -> Search | None:
    """How to find the jobs of a filter that are in one of `states`; None when there can be none."""
    wanted: list[State] = [state for state in STATES if state in states and _may_be(where, state)]
    tx.lanes.refresh()
    lanes = tx.lanes.matching(where.namespaces or None, where.queues, where.tasks)
    if not wanted or not lanes:
        return None
    demands = list(_demands(where, wanted))
    parts = [*demands, *_lanes_and_states(where, wanted)]
    start = next((part for part in parts if part.start), None)
    conditions = ["j.purge_at_ms <= :now_ms" if where.expired else "j.hidden = 0"]
    conditions += [part.condition for part in parts if part is not start]
    found_by = f"({start.start}) AS d CROSS JOIN jobs AS j ON j.seq = d.seq" if start else _ALL_BY_ID
    return Search(
        found_by,
        " AND ".join(conditions),
        {"now_ms": tx.now_ms, "lanes": to_json(lanes), **_params(where)},
        not demands,
    )


def _may_be(where: Filter, state: State) -> bool:
    if where.finished_for_ms is not None and state not in FINAL_STATES:
        return False
    return where.states is None or state in where.states


def _demands(where: Filter, states: Sequence[State]) -> Iterator[Part]:
    """What each job has to meet besides its lane and state, the narrowest sets first."""
    if where.ids is not None:
        listed = "IN (SELECT value FROM json_each(:ids))"
        yield Part(f"j.id {listed}", f"SELECT seq FROM jobs WHERE id {listed}")
    if where.lapsed:
        yield Part(f"j.seq IN ({_LAPSED})", _LAPSED)
    if where.expired:
        yield Part("1", "SELECT seq FROM jobs WHERE watch_at_ms <= :now_ms AND slot = 5")
    if where.run_id is not None:
        run = "SELECT seq FROM submitted WHERE run_id = :run_id"
        yield Part(f"j.seq IN ({run})", run)
    if where.fingerprint is not None:
        yield from _of_fingerprint(where.fingerprint, states)
    if where.finished_for_ms is not None:
        yield _finished(states)
    for place in range(len(where.tags)):
        yield Part(
            "EXISTS (SELECT 1 FROM submitted AS s, json_each(s.tags) AS t"
            f" WHERE s.seq = j.seq AND t.value = :tag{place})"
        )


def _of_fingerprint(fingerprint: str, states: Sequence[State]) -> Iterator[Part]:
    if fingerprint and list(states) == ["completed"]:
        printed = "state = 'completed' AND hidden = 0 AND print = :print"
        yield Part(printed, f"SELECT seq FROM jobs WHERE {printed}")
    yield Part("EXISTS (SELECT 1 FROM submitted AS s WHERE s.seq = j.seq AND s.fingerprint = :fingerprint)")


def _finished(states: Sequence[State]) -> Part:
    # With every lane named the index is entered once a lane, instead of read from end to end.
    long_ago = "finished_at_ms <= :now_ms - :finished_for_ms"
    return Part(
        f"j.{long_ago}",
        f"SELECT seq FROM jobs WHERE state IN ({_words(states)})"
        f" AND lane IN (SELECT value FROM json_each(:lanes)) AND {long_ago} AND hidden = 0",
    )


def _lanes_and_states(where: Filter, states: Sequence[State]) -> Iterator[Part]:
    if where.namespaces or where.queues is not None or where.tasks is not None:
        yield Part("j.lane IN (SELECT value FROM json_each(:lanes))")
    if len(states) < len(STATES):
        # Kept apart, for a set may hold other states as well.
        yield Part(f"j.state IN ({_words(states)})")
        if "completed" not in states:
            sets = dict.fromkeys(each for state in states for each in _SETS[state])
            yield Part("1", " UNION ALL ".join(f"SELECT seq FROM jobs WHERE {each}" for each in sets))


def _words(states: Sequence[State]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def _params(where: Filter) -> dict[str, object]:
    return {
        "ids": to_json(list(where.ids or ())),
        "run_id": where.run_id,
        "fingerprint": where.fingerprint,
        "print": checksum(where.fingerprint or ""),
        "finished_for_ms": where.finished_for_ms,
        **{f"tag{place}": tag for place, tag in enumerate(where.tags)},
    }
