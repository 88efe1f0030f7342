"""The connection of one store: transactions, and what tells others of them.  Lives on the store's thread."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from wherry.clock import Clock
from wherry.storage.sqlite import feed
from wherry.storage.sqlite.bell import Bell
from wherry.storage.sqlite.held import Stale
from wherry.storage.sqlite.lanes import Lanes
from wherry.storage.sqlite.opening import meta, open_database
from wherry.storage.sqlite.refusals import our_errors
from wherry.storage.sqlite.terms import Terms
from wherry.storage.sqlite.transaction import Held, Transaction

T = TypeVar("T")

POLL_S = 0.25
"""How often listeners look for changes that no bell told of."""


class Session:
    def __init__(self, path: str, synchronous: str, clock: Clock, bell: Bell) -> None:
        self._path, self._clock, self._bell = path, clock, bell
        with our_errors(path):
            self._db, self._gate = open_database(path, synchronous)
            self.store_id = meta(self._db)["store_id"]
            self._version = self._data_version()
        self._lanes, self._terms = Lanes(self._db), Terms(self._db)
        self._held: dict[str, Held] = {}
        self._poll_at = 0.0
        self._outcomes_indexed = False
        self._told = False
        self._heard_here = False
        bell.hang(os.stat(path))

    def write(self, verb: Callable[[Transaction], T], *, heard_here: bool = False) -> T:
        """Run a verb in a transaction that holds the write lock from the start; `ring` is to follow.

        Args:
            heard_here: listeners of this process were told when the verb was queued.
        """
        with our_errors(self._path), self._gate:
            try:
                result, told = self._transact("BEGIN IMMEDIATE", verb)
            except Stale:
                result, told = self._transact("BEGIN IMMEDIATE", verb)
        self._heard_here = heard_here and (self._heard_here or not self._told)
        self._told = self._told or told
        return result

    def ring(self) -> None:
        """Wake the listeners if a `write` has told of changes.  After the answer: nobody waits for this."""
        if self._told:
            self._told = False
            self._bell.ring(here=not self._heard_here)

    def read(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb that only reads, all of it from one state."""
        with our_errors(self._path):
            return self._transact("BEGIN", verb)[0]

    def _transact(self, begin: str, verb: Callable[[Transaction], T]) -> tuple[T, bool]:
        self._db.execute(begin)
        try:
            tx = Transaction(self._db, self._clock.now_ms(), self._lanes, self._terms, self._held)
            result = verb(tx)
            if tx.batch:
                feed.append(tx)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._lanes.forget()
            self._terms.forget()
            self._held.clear()
            raise
        return result, bool(tx.batch)

    def close(self) -> None:
        # The last one out folds the log into the database: behind the gate, for another may be coming in.
        with our_errors(self._path), self._gate:
            self._db.close()
        self._gate.close()

    def index_outcomes(self) -> None:
        """Make jobs findable by fingerprint; see jobs_print.sql for why not from the start."""
        if not self._outcomes_indexed:
            self.write(lambda tx: tx.run("jobs_print"))
            self._outcomes_indexed = True

    # --- changes of other processes --------------------------------------------------------------
    def mark(self) -> None:
        """Take what is there now as seen; a reader does so before it reads."""
        self._version = self._data_version()

    def poll_in_s(self) -> float | None:
        """Seconds until `poll` is due; None while nobody listens."""
        if not self._bell.listened:
            return None
        return max(0.0, self._poll_at - time.monotonic())

    def poll(self) -> None:
        """Ring for listeners here if another connection has committed."""
        self._poll_at = time.monotonic() + POLL_S
        try:
            version = self._data_version()
        except sqlite3.Error:  # whoever reads next is told
            return
        if version != self._version:
            self._version = version
            self._bell.ring_here()

    def _data_version(self) -> int:
        return self._db.execute("PRAGMA data_version").fetchone()[0]
