"""`get`, `query` and `count`: reading jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from wherry.job import JobRow
from wherry.messages import FINAL_STATES, Edge, Filter
from wherry.storage.protocol import CountBy
from wherry.storage.sqlite.filters import STATES, Search, search
from wherry.storage.sqlite.payloads import fill_in
from wherry.storage.sqlite.standing import read_wake
from wherry.storage.sqlite.transaction import Transaction, to_json

_ROWS_A_READ = 64
"""Jobs read in one JSON text: with payloads of a megabyte each it is still a fraction of SQLite's limit."""

_INPUT, _OUTPUT = map(JobRow._fields.index, ("input", "output"))
_SPECIAL = ("percent", "tags", "after", "wake", "hidden")
_PERCENT, _TAGS, _PARENTS, _WAKE, _HIDDEN = map(JobRow._fields.index, _SPECIAL)
_BY: dict[CountBy, int] = {"queue": 1, "task": 2}


def get(tx: Transaction, ids: Sequence[str]) -> dict[str, JobRow]:
    seqs = tx.list("stored", {"ids": to_json(list(dict.fromkeys(ids)))})
    return {row.id: row for row in rows(tx, seqs)}


def query(tx: Transaction, where: Filter, limit: int, cursor: str | None) -> tuple[list[JobRow], str | None]:
    if limit < 1:
        return [], None
    page = rows(tx, page_of(tx, search(tx, where), limit, after=cursor, descending=not where.oldest_first))
    return page, page[-1].id if len(page) == limit else None


def page_of(
    tx: Transaction, found: Search | None, limit: int, *, after: str | None, descending: bool
) -> list[int]:
    """Numbers of the jobs that match, by id."""
    if found is None:
        return []
    way, order = ("<", "DESC") if descending else (">", "ASC")
    beyond = "" if after is None else f" AND j.id {way} :after"
    text = (
        f"SELECT json_group_array(seq) FROM (SELECT j.seq FROM {found.source}"
        f" WHERE {found.conditions}{beyond} ORDER BY j.id {order} LIMIT :limit)"
    )
    return tx.list_of(text, {**found.params, "limit": limit, "after": after})


def rows(tx: Transaction, seqs: Sequence[int]) -> list[JobRow]:
    """These jobs, whole, in this order."""
    found: list[JobRow] = []
    for start in range(0, len(seqs), _ROWS_A_READ):
        part = to_json(seqs[start : start + _ROWS_A_READ])
        part_rows = tx.list("rows", {"seqs": part, "now_ms": tx.now_ms})
        fill_in(tx, part_rows, _INPUT)
        fill_in(tx, part_rows, _OUTPUT)
        found += map(_row, part_rows)
    return found


def _row(values: list[Any]) -> JobRow:
    percent, tags, parents, wake = values[_PERCENT], values[_TAGS], values[_PARENTS], values[_WAKE]
    values[_PERCENT] = None if percent is None else float(percent)
    values[_TAGS] = tuple(json.loads(tags)) if tags else ()
    values[_PARENTS] = tuple(Edge(*edge) for edge in json.loads(parents)) if parents else ()
    values[_WAKE] = read_wake(wake) if wake else None
    values[_HIDDEN] = bool(values[_HIDDEN])
    return JobRow._make(values)


# --- count -----------------------------------------------------------------------------------------
def count(tx: Transaction, where: Filter, by: Sequence[CountBy]) -> dict[tuple[str, ...], int]:
    counts: dict[tuple[str, ...], int] = {}
    for lane, state, number in _tally(tx, where):
        names = tx.lanes.name(lane)
        key = tuple(state if name == "state" else names[_BY[name]] for name in by)
        counts[key] = counts.get(key, 0) + number
    return counts


def _tally(tx: Transaction, where: Filter) -> list[Any]:
    """Lane, state and number of those that match."""
    found = search(tx, where)
    if found is None:
        return []
    if found.by_lane_and_state:
        return _tally_all(tx, where)
    text = (
        "SELECT json_group_array(json_array(lane, state, n)) FROM (SELECT j.lane, j.state, count(*) AS n "
        f"FROM {found.source} WHERE {found.conditions} GROUP BY j.lane, j.state)"
    )
    return tx.list_of(text, found.params)


def _tally_all(tx: Transaction, where: Filter) -> list[Any]:
    wanted = frozenset(STATES if where.states is None else where.states)
    lanes = frozenset(tx.lanes.matching(where.namespaces or None, where.queues, where.tasks))
    done = wanted & set(FINAL_STATES)
    tallies: list[Any] = tx.list("tally_live") if wanted - done else []
    if done:
        tallies += tx.list("tally_done", {"states": to_json(list(done))})
    return [each for each in tallies if each[0] in lanes and each[1] in wanted]
