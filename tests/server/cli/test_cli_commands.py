"""J1, J2: submit, list, show, and watch of one job."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

import wherry as package
from tests.server.cli.command import Wherry, refused, rows


# --- submit --------------------------------------------------------------------------------------------
def test_submit_prints_the_id_alone(wherry: Wherry, url: str) -> None:
    said = wherry("submit", url, "text.count", "one two three")

    assert (said.code, said.err) == (0, "")
    (row,) = rows(url)
    assert (said.out, row.task, row.input) == (f"{row.id}\n", "text.count", '"one two three"')


@pytest.mark.parametrize(
    ("task", "given", "result"),
    [
        ("text.count", "one two three", "3\n"),
        ("reverse", "42", "24\n"),
        ("reverse", '"quoted"', "detouq\n"),
        ("reverse", "grün", "nürg\n"),
        ("echo", '{"a":[1,2.5,null]}', '{"a":[1,2.5,null]}\n'),
        ("echo", "9007199254740993000", "9007199254740993000\n"),
        ("echo", "no JSON", "no JSON\n"),
        ("wait", "0", '{"seconds":0.0,"steps":1,"attempt":1}\n'),
    ],
)
def test_submit_waits_for_the_result_and_prints_it(
    wherry: Wherry, worked: str, task: str, given: str, result: str
) -> None:
    said = wherry("submit", worked, task, given, "--wait")

    assert (said.code, said.out) == (0, result)


def test_text_is_text_when_that_is_said(wherry: Wherry, worked: str) -> None:
    assert wherry("submit", worked, "echo", "42", "--text", "--wait", "--json").json["output"] == "42"


def test_without_an_input_it_is_null(wherry: Wherry, worked: str) -> None:
    assert wherry("submit", worked, "echo", "--wait").out == "null\n"


def test_a_dash_reads_the_input_from_stdin(
    wherry: Wherry, worked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("two grüne boats\n".encode())))

    assert wherry("submit", worked, "text.count", "-", "--wait").out == "3\n"


def test_stdin_that_is_no_utf8_is_refused(wherry: Wherry, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))

    refused(wherry("submit", url, "text.count", "-"), "invalid_input", "no UTF-8")


def test_a_job_that_fails_while_waited_for_ends_with_1_and_says_why(wherry: Wherry, worked: str) -> None:
    said = wherry("submit", worked, "library.index", "no.such", "--wait")

    assert (said.code, said.out) == (1, "")
    assert "PermanentError: no source of 'no.such' is here" in said.err
    assert "It ran 1 of 4 times." in said.err
    assert "Traceback" not in said.err


def test_a_failed_job_is_json_when_that_is_asked_for(wherry: Wherry, worked: str) -> None:
    said = wherry("submit", worked, "library.index", "no.such", "--wait", "--json")

    assert (said.code, said.json["state"], said.json["errors"][0]["code"]) == (1, "failed", "permanent")


def test_the_options_of_a_job_reach_it(wherry: Wherry, url: str) -> None:
    first = wherry("submit", url, "echo", "1", "--id", "first").out.strip()
    said = wherry(
        "submit", url, "echo", "2", "--priority=-5", "--delay", "60", "--timeout", "7.5",
        "--max-attempts", "2", "--unique", "key", "--run-id", "run", "--tag", "a", "--tag", "b",
        "--after", first, "--ordering-key", "line",
    )  # fmt: skip

    row = next(row for row in rows(url) if row.id == said.out.strip())
    assert (row.priority, row.timeout_ms, row.max_attempts, row.run_id) == (-5, 7500, 2, "run")
    assert (row.tags, row.after[0].parent, row.state) == (("a", "b"), "first", "blocked")
    assert row.run_at_ms - row.created_at_ms == 60_000
    assert (row.unique_key is not None, row.ordering_key) == (True, "/line")


def test_a_duplicate_prints_the_job_that_stands_and_says_so(wherry: Wherry, url: str) -> None:
    first = wherry("submit", url, "echo", "1", "--unique", "key")
    again = wherry("submit", url, "echo", "1", "--unique", "key")
    told = wherry("submit", url, "echo", "1", "--unique", "key", "--json").json

    assert (again.code, again.out) == (0, first.out)
    assert "stands already" in again.err
    assert told["duplicate_of"] == first.out.strip()


# --- the storage's name --------------------------------------------------------------------------------
def test_the_storage_may_come_from_the_environment(
    wherry: Wherry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERRY_STORAGE", url)

    job = wherry("submit", "text.count", "one two").out.strip()

    assert job in wherry("show", job).out
    assert wherry("list", "--json").json["jobs"][0]["id"] == job


def test_an_argument_wins_over_the_environment(
    wherry: Wherry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERRY_STORAGE", "carrier-pigeon:loft")

    assert wherry("submit", url, "text.count", "one two").code == 0


def test_one_argument_too_many_is_told(wherry: Wherry, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_STORAGE", url)

    said = wherry("submit", "text.count", "one", "two")

    assert said.code == 2
    assert "'two' is one argument too many" in said.err


# --- list ------------------------------------------------------------------------------------------------
def test_list_shows_the_newest_first_in_columns(wherry: Wherry, worked: str) -> None:
    wherry("submit", worked, "reverse", "abc", "--wait")
    wherry("submit", worked, "library.index", "no.such", "--wait")
    wherry("submit", worked, "echo", "1", "--delay", "600")

    heading, *lines = wherry("list", worked).out.splitlines()

    assert heading.split() == ["id", "task", "state", "%", "created", "ran", "tries"]
    assert [line.split()[1:4] for line in lines] == [
        ["echo", "◷", "scheduled"],
        ["library.index", "✕", "failed"],
        ["reverse", "●", "completed"],
    ]
    assert lines[1].endswith("1/4")
    assert not any(line.endswith(" ") for line in lines)


def test_list_filters_by_state_queue_and_task(wherry: Wherry, worked: str) -> None:
    wherry("submit", worked, "reverse", "abc", "--wait")
    wherry("submit", worked, "library.index", "abc", "--wait")
    wherry("submit", worked, "reverse", "abc", "--delay", "600")

    def tasks(*options: str) -> list[str]:
        return [job["task"] for job in wherry("list", worked, "--json", *options).json["jobs"]]

    assert tasks("--state", "completed") == ["library.index", "reverse"]
    assert tasks("--state", "pending", "--state", "failed") == ["reverse"]
    assert tasks("--queue", "library") == ["library.index"]
    assert tasks("--task", "reverse", "--state", "completed") == ["reverse"]


def test_list_says_when_there_is_more(wherry: Wherry, url: str) -> None:
    for number in range(3):
        wherry("submit", url, "echo", str(number))

    said = wherry("list", url, "--limit", "2")

    assert len(said.out.splitlines()) == 3
    assert "2 of 3 jobs" in said.err
    assert wherry("list", url, "--limit", "2", "--json").json["more"] is True
    assert wherry("list", url, "--limit", "3", "--json").json["more"] is False


def test_an_empty_store_says_the_next_step(wherry: Wherry, url: str) -> None:
    said = wherry("list", url)

    assert (said.code, said.out) == (0, "")
    assert "wherry submit" in said.err
    assert wherry("list", url, "--json").json == {"jobs": [], "more": False}


def test_a_short_id_of_the_list_is_enough_to_show_the_job(wherry: Wherry, url: str) -> None:
    for number in range(12):
        wherry("submit", url, "echo", str(number))
    short = [line.split()[0] for line in wherry("list", url).out.splitlines()[1:]]

    assert len(set(short)) == 12
    for number, ending in enumerate(short):
        assert json.loads(wherry("show", url, ending, "--json").out)["input"] == 11 - number


# --- show ------------------------------------------------------------------------------------------------
def test_show_tells_a_job_with_its_timeline_input_and_output(wherry: Wherry, worked: str) -> None:
    job = wherry("submit", worked, "text.count", "one two").out.strip()
    wherry("watch", worked, job)

    said = wherry("show", worked, job)

    assert said.code == 0
    assert said.out.startswith(f"text.count  ● completed\n{job}\n")
    for pattern in (
        r"It completed after \d+ ms\.",
        r"attempts +1/4",
        r"submitted\n.*first attempt started\n.*completed",
    ):
        assert re.search(pattern, said.out), pattern
    assert 'input\n"one two"\n' in said.out
    assert "output\n2\n" in said.out


def test_show_tells_the_error_of_each_attempt_and_its_traceback_if_asked(wherry: Wherry, worked: str) -> None:
    wherry("submit", worked, "library.index", "no.such", "--wait")
    job = rows(worked)[0].id

    assert "PermanentError: no source of 'no.such' is here" in wherry("show", worked, job).out
    assert "Traceback" not in wherry("show", worked, job).out
    assert "Traceback (most recent call last)" in wherry("show", worked, job, "--traceback").out


@pytest.mark.parametrize("part", ["beginning", "ending", "whole"])
def test_show_finds_a_job_by_a_part_of_its_id(wherry: Wherry, url: str, part: str) -> None:
    job = wherry("submit", url, "echo", "1").out.strip()
    given = {"beginning": job[:14], "ending": job[-8:].upper(), "whole": job}[part]

    assert wherry("show", url, given, "--json").json["id"] == job


def test_a_part_that_fits_several_jobs_is_refused_with_their_names(wherry: Wherry, url: str) -> None:
    first, second = (wherry("submit", url, "echo", "1").out.strip() for _ in range(2))

    refused(wherry("show", url, first[:5]), "invalid_input", first, second, "give more of it")


def test_a_part_that_is_too_short_is_refused(wherry: Wherry, url: str) -> None:
    refused(wherry("show", url, "abc"), "invalid_input", "too short")


@pytest.mark.parametrize("command", ["show", "watch"])
@pytest.mark.parametrize("job", ["00000000", "01a20111-c959-7000-a9da-1b8c6588f8db"])
def test_a_job_that_is_not_there_ends_with_3(wherry: Wherry, url: str, command: str, job: str) -> None:
    said = wherry(command, url, job)

    assert (said.code, said.out) == (3, "")
    assert said.err.endswith("[job_not_found]\n")


def test_text_of_a_job_cannot_drive_the_terminal(wherry: Wherry, worked: str) -> None:
    job = wherry("submit", worked, "library.index", "a\x1b[2Jb\r\x07\u202e", "--wait")
    assert "\x1b" not in job.err

    shown = wherry("show", worked, rows(worked)[0].id).out

    assert "\\x1b[2Jb" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


# --- the rest --------------------------------------------------------------------------------------------
def test_watch_of_a_finished_job_prints_its_result(wherry: Wherry, worked: str) -> None:
    job = wherry("submit", worked, "reverse", "abc").out.strip()

    assert wherry("watch", worked, job).out == "cba\n"
    assert wherry("watch", worked, job[-6:], "--json").json["output"] == "cba"


def test_version_and_help(wherry: Wherry) -> None:
    assert wherry("--version").out == f"{package.__version__}\n"
    assert "Exit codes: 0 well" in wherry("--help").out
    for command in ("demo", "serve", "worker", "submit", "list", "show", "watch"):
        said = wherry(command, "--help")
        assert said.code == 0
        assert f"Usage: wherry {command}" in said.out
