"""The SQLite storage: one file, any number of processes of one host.

The standard library's `sqlite3` on one thread of our own, and not aiosqlite: its public API takes a
hop a statement, cannot put renewals first, and leaves a transaction open when its caller is
cancelled in the middle of a verb.
"""

from wherry.storage.sqlite.store import SQLiteStorage, Synchronous

__all__ = ["SQLiteStorage", "Synchronous"]
