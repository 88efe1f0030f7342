"""SQLite: files that are no stores, are of a newer wherry, damaged, read-only, or on a full disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest

from tests.storage.children import child
from wherry.errors import NotAStore, SchemaTooNew, StorageUnavailable
from wherry.messages import Filter
from wherry.storage.sqlite import SQLiteStorage
from wherry.testing.conformance import add


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


async def open_it(path: Path, *ids: str) -> None:
    """Open a store and add jobs."""
    async with SQLiteStorage(path) as storage:
        assert await add(storage, *ids) == ["ok"] * len(ids)


@pytest.mark.parametrize("content", [b"just some text, long enough to be no header\n" * 50, b"short"])
def test_a_file_that_is_no_database_is_left_as_it_was(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(NotAStore, match="not an SQLite database"):
        asyncio.run(open_it(path))

    assert contents(path.parent) == {path.name: content}


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_database_of_something_else_is_left_as_it_was(path: Path, mode: str) -> None:
    change(
        path, f"PRAGMA journal_mode = {mode}", "CREATE TABLE jobs (id TEXT)", "INSERT INTO jobs VALUES ('x')"
    )
    before = contents(path.parent)

    with pytest.raises(NotAStore, match="a database of something else"):
        asyncio.run(open_it(path))

    assert contents(path.parent) == before


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    asyncio.run(open_it(path, "a"))


def test_a_newer_schema_is_refused(path: Path) -> None:
    asyncio.run(open_it(path, "a"))
    change(path, "UPDATE meta SET value = '99' WHERE key = 'schema'")
    before = path.read_bytes()

    with pytest.raises(SchemaTooNew, match="has schema 99, this wherry knows 1: upgrade wherry"):
        asyncio.run(open_it(path))

    assert path.read_bytes() == before


def change(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(NotAStore, match="a directory"):
        asyncio.run(open_it(tmp_path))


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"the directory .*missing does not exist; make it first"):
        asyncio.run(open_it(tmp_path / "missing" / "jobs.db"))


def test_a_damaged_store_is_told_as_damaged(path: Path) -> None:
    asyncio.run(open_it(path, *(f"{number:04d}" for number in range(2000))))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40 * 4096)

    with pytest.raises(StorageUnavailable, match="damaged: restore a copy"):
        asyncio.run(read_all(path))


AHEAD = """
import sys
with open(sys.argv[1], "r+b") as file:
    header = bytearray(file.read(100))
    header[28:32] = (int.from_bytes(header[28:32], "big") + 50).to_bytes(4, "big")  # pages of the database
    header[92:96] = header[24:28]  # that number is valid
    file.seek(0)
    file.write(header)
"""


async def test_a_store_can_be_opened_in_the_midst_of_a_checkpoint(path: Path) -> None:
    """It writes the header first, which for a moment tells of pages that the file does not have yet."""
    async with SQLiteStorage(path) as storage:
        await add(storage, *(f"{number:04d}" for number in range(500)))
        # By another process: closing a file drops the locks that this one has on it.
        writer = await asyncio.create_subprocess_exec(sys.executable, "-c", AHEAD, path)
        assert await writer.wait() == 0

        async with SQLiteStorage(path) as other:
            assert len((await other.query(Filter(), limit=1000))[0]) == 500


async def read_all(path: Path) -> None:
    async with SQLiteStorage(path) as storage:
        await storage.query(Filter(), limit=5000)


def test_a_file_that_may_only_be_read_is_told_so() -> None:
    # Not below pytest's directory, which other users cannot enter.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "jobs.db"
        asyncio.run(open_it(path, "a"))
        os.chmod(path, 0o444)
        os.chmod(directory, 0o555)
        try:
            with child("open_as_nobody", path) as other:
                said = " ".join(other.rest())
        finally:
            os.chmod(directory, 0o755)

    assert said.startswith("storage_unavailable"), said
    assert "allow this user to write" in said, said


def test_a_full_disk_is_an_error_that_leaves_the_store_whole(path: Path) -> None:
    with child("fill_the_disk", path) as filler:
        assert filler.rest() == ["storage_unavailable OperationalError", "1 ok"]

    assert integrity(path) == "ok"


def integrity(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        return db.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        db.close()
