"""One transaction: the connection inside BEGIN ... COMMIT, the time in it, and what it has to tell."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

from wherry.messages import ChangeKind
from wherry.storage.sqlite.lanes import Lanes
from wherry.storage.sqlite.statements import for_rows, sql
from wherry.storage.sqlite.terms import Terms

Params = Sequence[object] | Mapping[str, object]

_ROWS_A_STATEMENT = 64
"""A power of two; more rows a statement gain nothing, and each size is compiled once."""

to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Not ASCII: half of a surrogate pair is then refused when it is bound, not stored as broken UTF-8."""


Held = tuple[int, int, int, int]
"""A running job as the session that claimed it left it: number, lane, fence, revision.

It holds no unique key.
"""


class _Told(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def lane(self) -> int: ...
    @property
    def revision(self) -> int: ...


_LANE = attrgetter("lane")


class Transaction:
    """What the verbs of this storage are written with.

    Attributes:
        now_ms: the store's time, read once the write lock is held.
        held: jobs that this session has claimed, see `held.py`.
    """

    def __init__(
        self, db: sqlite3.Connection, now_ms: int, lanes: Lanes, terms: Terms, held: dict[str, Held]
    ) -> None:
        self._db = db
        self.now_ms = now_ms
        self.lanes, self.terms = lanes, terms
        self.held = held
        self.batch: list[tuple[ChangeKind, int, Sequence[str | int]]] = []

    def value(self, name: str, params: Params = ()) -> Any:
        """The first column of the first row, None if there is none."""
        return self.value_of(sql(name), params)

    def value_of(self, text: str, params: Params) -> Any:
        rows = self._db.execute(text, params).fetchall()
        return rows[0][0] if rows else None

    def list(self, name: str, params: Params = ()) -> list[Any]:
        """What a statement returns as one JSON list."""
        return json.loads(self.value(name, params))

    def list_of(self, text: str, params: Params) -> list[Any]:
        return json.loads(self.value_of(text, params))

    def rows(self, name: str, params: Params = ()) -> list[Any]:
        """What a statement returns, row by row: for large values, which JSON would only slow down."""
        return self._db.execute(sql(name), params).fetchall()

    def run(self, name: str, params: Params = ()) -> None:
        self._db.execute(sql(name), params)

    def insert(self, name: str, rows: Sequence[Sequence[object]]) -> int:
        """Run a statement of one VALUES row for all of these rows.

        A step of `sqlite3` gives up the interpreter lock and has to win it back from the event
        loop, so many rows share a step: 64, and for the rest the powers of two below.

        Returns:
            How many rows were written.
        """
        if not rows:
            return 0
        return self.insert_cells(name, [cell for row in rows for cell in row], len(rows[0]))

    def insert_cells(self, name: str, cells: Sequence[object], width: int) -> int:
        """As `insert`, for rows of `width` cells each that lie one behind the other."""
        left, size, start, written = len(cells) // width, _ROWS_A_STATEMENT, 0, 0
        while left:
            while size > left:
                size //= 2
            end = start + size * width
            written += self._db.execute(for_rows(name, size), cells[start:end]).rowcount
            left, start = left - size, end
        return written

    # --- the feed --------------------------------------------------------------------------------
    def tell(self, kind: ChangeKind, jobs: Sequence[_Told]) -> None:
        """Put one change of each job at the end of this transaction's batch, one revision up."""
        for lane, together in groupby(jobs, _LANE):
            self.tell_ids(kind, lane, [x for job in together for x in (job.id, job.revision + 1)])

    def tell_ids(self, kind: ChangeKind, lane: int, news: Sequence[str | int]) -> None:
        """As `tell`, for jobs of one lane: id, revision, id, revision ..."""
        self.batch.append((kind, lane, news))

    def append_batch(self) -> int:
        """Store what was told, as `[[kind, namespace, lane, [id, revision, id, revision, ...]], ...]`.

        Returns:
            The batch's number.
        """
        text = to_json([[kind, *self.lanes.told(lane), ids] for kind, lane, ids in self.batch])
        number = self._db.execute(sql("add_batch"), (self.now_ms, text)).lastrowid
        assert number is not None
        return number
