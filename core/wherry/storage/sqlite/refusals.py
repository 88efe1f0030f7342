"""What `sqlite3` refuses, in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from wherry.errors import InvalidInput, NotAStore, StorageUnavailable, WherryError

BUSY_S = 30.0
"""How long a transaction waits for another program before it gives up."""

_REMEDIES = {
    sqlite3.SQLITE_BUSY: f"another program has held it for {BUSY_S:g} s: end that program",
    sqlite3.SQLITE_READONLY: "it may only be read: allow this user to write the file and its directory",
    sqlite3.SQLITE_PERM: "this user may not open it: change the file's permissions",
    sqlite3.SQLITE_FULL: "the disk is full: free some space, then repeat the call",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: look at the path, its directory and their permissions",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a copy, or save what `sqlite3 FILE .recover` can read",
    sqlite3.SQLITE_IOERR: "the disk refuses: look at its space and health, then repeat the call",
}


@contextmanager
def our_errors(place: str) -> Generator[None]:
    """Turn what is raised inside into errors of wherry, the cause kept."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, place) from error
    except (OverflowError, UnicodeEncodeError) as error:
        # An integer beyond 64 bits, or half of a surrogate pair: the caller's value, met while it is bound.
        raise InvalidInput("the storage", [f"a value cannot be stored: {error}"]) from error


def _translated(error: sqlite3.Error, place: str) -> WherryError:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return NotAStore(place, "not an SQLite database")
    if code in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG) or isinstance(
        error, sqlite3.InterfaceError | sqlite3.ProgrammingError
    ):
        return InvalidInput("the storage", [f"a value cannot be stored: {error}"])
    remedy = _REMEDIES.get(code, "the remedy depends on the reason given")
    return StorageUnavailable(f"{place}: SQLite refused ({error}); {remedy}.")
