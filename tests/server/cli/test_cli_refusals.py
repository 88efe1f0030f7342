"""J1: bad input, wrong command lines and storages that are none end with 2, a code, and nothing stored."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.server.cli.command import Wherry, refused, rows


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("text.cout", "x"), "unknown_task", "did you mean 'text.count'?"),
        (("text.count",), "invalid_input", "input: should be a string"),
        (("echo", "x" * 1_049_600), "payload_too_large", "over the limit of 1049600"),
        (("echo", "1", "--priority", "2000"), "invalid_input", "priority"),
        (("echo", "1", "--delay=-1"), "invalid_input", "delay"),
        (("echo", "1", "--after", "nobody"), "job_not_found", "nobody"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(
    wherry: Wherry, url: str, arguments: tuple[str, ...], code: str, word: str
) -> None:
    said = wherry("submit", url, *arguments)

    assert said.code == (3 if code == "job_not_found" else 2)
    assert said.out == ""
    assert said.err.endswith(f"[{code}]\n")
    assert word in said.err
    assert rows(url) == []


@pytest.mark.parametrize(
    "command", [("list",), ("submit", "text.count", "x"), ("show", "abcdef"), ("watch",)]
)
def test_a_mistyped_file_is_refused_and_not_made(
    wherry: Wherry, tmp_path: Path, command: tuple[str, ...]
) -> None:
    name, *others = command
    refused(wherry(name, f"sqlite:{tmp_path}/typo.db", *others), "storage_unavailable", "there is no file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["list", "watch", "worker", "serve"])
def test_a_url_of_no_known_kind_is_refused(wherry: Wherry, command: str) -> None:
    tasks = ["--tasks", "wherry.examples.basic"] if command == "worker" else []

    refused(wherry(command, "carrier-pigeon:loft", *tasks), "unknown_storage", "sqlite:PATH")


@pytest.mark.parametrize("command", ["list", "worker", "serve"])
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(
    wherry: Wherry, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all\n" * 100)
    tasks = ["--tasks", "wherry.examples.basic"] if command == "worker" else []

    refused(wherry(command, f"sqlite:{path}", *tasks), "not_a_store")
    assert path.read_text() == "no database at all\n" * 100


def test_a_store_of_a_newer_schema_is_refused(wherry: Wherry, url: str) -> None:
    database = sqlite3.connect(url.removeprefix("sqlite:"))
    with database:
        (key, value) = database.execute("select key, value from meta where key like '%schema%'").fetchone()
        database.execute("update meta set value = ? where key = ?", (str(int(value) + 1), key))
    database.close()

    refused(wherry("list", url), "schema_too_new", "upgrade wherry")


def test_a_refusal_is_json_on_stderr_when_that_is_asked_for(wherry: Wherry, url: str) -> None:
    said = wherry("submit", url, "text.cout", "x", "--json")

    assert (said.code, said.out) == (2, "")
    assert json.loads(said.err)["error"]["code"] == "unknown_task"


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "memory:", "--state", "nope"),
        ("list", "memory:", "--limit", "0"),
        ("list", "memory:", "--limt", "3"),
        ("list", "memory:", "surplus"),
        ("submit", "memory:"),
        ("show", "memory:"),
        ("worker", "memory:"),
        ("list",),
        ("lsit",),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_no_traceback(
    wherry: Wherry, arguments: tuple[str, ...]
) -> None:
    said = wherry(*arguments)

    assert (said.code, said.out) == (2, "")
    assert "Error: " in said.err
    assert "Traceback" not in said.err


def test_a_task_module_that_is_not_there_is_refused(wherry: Wherry, tmp_path: Path) -> None:
    said = wherry("worker", f"sqlite:{tmp_path}/jobs.db", "--tasks", "no.such.module")

    refused(said, "task_module", "cannot import the task module 'no.such.module'")
    assert list(tmp_path.iterdir()) == []


def test_a_worker_with_impossible_numbers_is_refused(wherry: Wherry, url: str) -> None:
    said = wherry("worker", url, "--tasks", "wherry.examples.basic", "--concurrency", "0", "--lease", "0.5")

    refused(said, "invalid_input", "concurrency: must be", "lease: must be")
