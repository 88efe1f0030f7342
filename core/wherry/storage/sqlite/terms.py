"""Terms: what comes with a task's code, as one integer, remembered from transaction to transaction."""

from __future__ import annotations

import sqlite3

from wherry.storage.sqlite.statements import sql

_MOST = 1024

Facts = tuple[int, int, str, str, str]
"""Priority step in milliseconds, attempts, retry policy, hash of the code, place."""


class Terms:
    """The terms of a store.  They are only ever added: a task has one for each version of its code."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[Facts, int] = {}

    def forget(self) -> None:
        """After a rollback: what was learned in it may not be there."""
        self._numbers.clear()

    def number(self, facts: Facts) -> int:
        """The number of these terms; new ones are added, so only in a write."""
        found = self._numbers.get(facts)
        if found is None:
            if len(self._numbers) > _MOST:
                self._numbers.clear()
            found = self._numbers[facts] = self._find(facts)
        return found

    def _find(self, facts: Facts) -> int:
        rows = self._db.execute(sql("find_terms"), facts).fetchall()
        if rows:
            return rows[0][0]
        added = self._db.execute(sql("add_terms"), facts).lastrowid
        assert added is not None
        return added
