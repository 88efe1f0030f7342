"""Open a database: check that it is a store, or make it one.  What is none is left as it was."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import stat
from pathlib import Path

from wherry.errors import NotAStore, SchemaTooNew, StorageUnavailable
from wherry.storage.protocol import SCHEMA
from wherry.storage.sqlite.gate import Gate
from wherry.storage.sqlite.refusals import BUSY_S, our_errors
from wherry.storage.sqlite.statements import script, sql

_OURS = 0x77687279
"""`whry`, in the header of each store."""

_OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

_PRAGMAS = (
    # Checkpoints rarer than by default: each is a wait in some commit, and hot pages are copied once.
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
)


def check(path: str) -> None:
    """Refuse what cannot be a store: NotAStore, StorageUnavailable.  Changes nothing."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageUnavailable(f"SQLite {sqlite3.sqlite_version} is too old: wherry needs 3.37 (of 2021).")
    try:
        status = os.stat(path)
    except FileNotFoundError:
        _check_parent(path)
        return
    except OSError as error:
        remedy = "look at the path and its permissions"
        raise StorageUnavailable(f"{path}: {error.strerror}; {remedy}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise NotAStore(path, "a directory")
    if not stat.S_ISREG(status.st_mode):
        raise NotAStore(path, "not a regular file")
    with our_errors(path):
        if status.st_size and not _is_ours(path):
            raise NotAStore(path, "a database of something else")


def _check_parent(path: str) -> None:
    parent = os.path.dirname(path) or "."
    if not os.path.isdir(parent):
        raise StorageUnavailable(f"{path}: the directory {parent} does not exist; make it first.")


def _is_ours(path: str) -> bool:
    """Whether the header is ours, or the database is empty.

    Read as `immutable`: an ordinary reader would leave -wal and -shm files beside a foreign
    database.  Not with `open()`: closing a file drops all locks that this process has on it.
    """
    db = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        # Else a store that is being checkpointed counts as damaged: its header tells of pages to come.
        db.execute("PRAGMA writable_schema = ON")
        (found,) = db.execute("PRAGMA application_id").fetchone()
        if found:
            return found == _OURS
        (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return not tables and not os.path.exists(f"{path}-wal")
    finally:
        db.close()


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    """A connection to an existing store, or to a new one.  Call it behind the gate."""
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, cached_statements=512)
    try:
        found = _schema(db)
        if found > SCHEMA:
            raise SchemaTooNew(path, found, SCHEMA)
        if not found:
            # First of all and before WAL, so that the file itself says whose it is from the start.
            db.execute(f"PRAGMA application_id = {_OURS}")
        _use_wal(db, path)
        db.execute(f"PRAGMA synchronous = {synchronous}")
        for pragma in _PRAGMAS:
            db.execute(pragma)
        if found < SCHEMA:
            _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _schema(db: sqlite3.Connection) -> int:
    """The version of the stored data, 0 if there is none."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'").fetchone()
    return int(meta(db).get("schema", 0)) if tables else 0


def meta(db: sqlite3.Connection) -> dict[str, str]:
    return json.loads(db.execute(sql("meta")).fetchone()[0])


def _use_wal(db: sqlite3.Connection, path: str) -> None:
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StorageUnavailable(
            f"{path}: its file system cannot share a write-ahead log ({mode} instead); use a local disk."
        )


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the data to this version, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        # Read again: where there is no gate, another process may have done it meanwhile.
        found = _schema(db)
        for version in range(found + 1, SCHEMA + 1):
            for statement in script(f"schema_{version}"):
                db.execute(statement)
        facts = {"schema": str(SCHEMA), "min_writer": str(SCHEMA)}
        if not found:
            facts |= {"store_id": secrets.token_hex(8), "generation": "1"}
        db.executemany(sql("put_meta"), facts.items())
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def open_database(path: str, synchronous: str) -> tuple[sqlite3.Connection, Gate]:
    """The connection and the gate of its writes."""
    try:
        check(path)
    except NotAStore:
        # Another process may be making a store of it right now: then its gate is there.
        if not os.path.exists(f"{path}-gate"):
            raise
    gate = Gate(path)
    try:
        with gate:
            check(path)
            return connect(path, synchronous), gate
    except BaseException:
        gate.close()
        raise
