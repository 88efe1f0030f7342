"""`open_storage`: which URL opens what, and what each wrong one is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wherry.clock import ManualClock
from wherry.errors import InvalidInput, UnknownStorage, UnsupportedByStorage
from wherry.messages import Cursor
from wherry.storage.open import open_storage
from wherry.testing.conformance import add, claim
from wherry.testing.conformance.builders import row


@pytest.mark.parametrize(
    ("url", "durability"),
    [
        ("memory:", "none"),
        ("memory:named", "none"),
        ("indexeddb:jobs", "process"),
        ("indexeddb:jobs?durability=strict", "power"),
        ("http://127.0.0.1:1", "none"),
        ("https://example.org/jobs", "none"),
        ("sqlite:jobs.db", "process"),
        ("sqlite:jobs.db?synchronous=full", "power"),
        ("SQLite:jobs.db", "process"),
    ],
)
def test_a_url_names_its_storage(url: str, durability: str) -> None:
    storage = open_storage(url)

    kind, _, rest = url.partition(":")
    assert storage.capabilities.durability == durability
    assert storage.url.startswith(f"{kind.lower()}:{rest.partition('?')[0]}")


async def test_a_sqlite_url_opens_the_file_it_names(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'a b%20c.db'}"
    async with open_storage(url) as storage:
        await add(storage, "a")

    assert (tmp_path / "a b%20c.db").exists()
    async with open_storage(url) as storage:
        assert (await row(storage, "a")).state == "pending"


async def test_the_clock_is_the_stores() -> None:
    clock = ManualClock(5000)
    async with open_storage("memory:", clock=clock) as storage:
        await add(storage, "a")

        assert (await row(storage, "a")).created_at_ms == 5000


async def test_the_namespace_is_the_storages_and_its_forks() -> None:
    async with open_storage("memory:", namespace="tenant") as storage:
        assert (storage.namespace, storage.fork().namespace) == ("tenant", "tenant")
    assert open_storage("memory:").namespace == ""


async def test_what_is_opened_is_a_whole_storage(tmp_path: Path) -> None:
    async with open_storage(f"sqlite:{tmp_path / 'jobs.db'}") as storage:
        listener = storage.listen()
        await anext(listener)
        await add(storage, "a")
        await anext(listener)
        await claim(storage)
        assert (await storage.changes(Cursor(""), limit=1)).resync is False
        async with storage.fork() as fork:
            assert (await row(fork, "a")).state == "running"


# --- what is refused ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "",
        "jobs.db",
        ":",
        "postgresql://host/db",
        "dir:jobs",
        "sqs:queue",
        "at://me",
        "ftp://host",
        "c:\\jobs",
    ],
)
def test_an_unknown_kind_is_told_what_there_is(url: str) -> None:
    with pytest.raises(UnknownStorage) as refused:
        open_storage(url)

    assert refused.value.code == "unknown_storage"
    assert "use one of memory:, sqlite:PATH, indexeddb:NAME, http://HOST:PORT, https://HOST" in str(
        refused.value
    )


def test_a_refused_url_is_repeated_without_its_password() -> None:
    with pytest.raises(UnknownStorage) as refused:
        open_storage("postgresql://me:secret@host/db")

    assert "secret" not in str(refused.value)
    assert "postgresql://***@host/db" in str(refused.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:jobs.db?mode=rw", "option mode: unknown to sqlite:"),
        ("sqlite:jobs.db?synchronous=off", "option synchronous: must be normal or full, not 'off'"),
        ("sqlite:jobs.db?synchronous", "option synchronous: must be normal or full, not ''"),
        ("memory:?synchronous=full", "option synchronous: unknown to memory:"),
        ("indexeddb:jobs?durability=none", "option durability: must be relaxed or strict, not 'none'"),
        ("http://127.0.0.1:1?token=x", "option token: unknown to http:"),
        ("sqlite:", "names no file: write sqlite:jobs.db"),
        ("sqlite::memory:", "names no file"),
        ("sqlite:///jobs.db", "the path starts right behind the colon"),
        ("indexeddb:", "names no store"),
    ],
)
def test_a_url_that_says_too_little_or_too_much_is_refused(url: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_storage(url)

    assert any(each.startswith(problem) for each in refused.value.problems), refused.value


@pytest.mark.parametrize("url", [None, 5, Path("jobs.db"), b"memory:"])
def test_a_url_is_text(url: object) -> None:
    with pytest.raises(InvalidInput, match="url: must be text"):
        open_storage(url)  # pyright: ignore[reportArgumentType] - what is tested


def test_namespace_and_token_are_text() -> None:
    with pytest.raises(InvalidInput, match="namespace: must be text, not 5; token: must be text, not 6"):
        open_storage("memory:", namespace=5, token=6)  # pyright: ignore[reportArgumentType] - what is tested


def test_a_server_has_its_own_clock() -> None:
    with pytest.raises(InvalidInput, match="clock: a server has its own"):
        open_storage("http://127.0.0.1:1", clock=ManualClock())


async def test_indexeddb_is_told_to_belong_in_a_browser() -> None:
    with pytest.raises(UnsupportedByStorage, match="IndexedDB outside a browser"):
        await open_storage("indexeddb:jobs").__aenter__()


# --- what is imported --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import wherry", set[str]()),
        ("import wherry; wherry.open_storage('memory:')", {"wherry.storage.memory"}),
        ("import wherry; wherry.open_storage('sqlite:x')", {"wherry.storage.sqlite", "sqlite3"}),
        ("import wherry; wherry.open_storage('http://x')", {"wherry.storage.http"}),
    ],
)
def test_only_the_adapter_that_is_opened_is_imported(statement: str, expected: set[str]) -> None:
    watched = {
        "wherry.storage.memory", "wherry.storage.sqlite", "sqlite3", "wherry.storage.http", "httpx",
        "wherry_web.indexeddb", "wherry_server",
    }  # fmt: skip
    program = f"{statement}; import sys; print(' '.join(sorted({watched!r} & set(sys.modules))))"

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert set(said.split()) == expected
