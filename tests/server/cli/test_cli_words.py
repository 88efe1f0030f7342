"""J2: how the command line words times, durations, states and untrusted text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wherry import Event
from wherry.job import JobRow
from wherry.messages import Claimed, Settlement
from wherry_server.cli import words
from wherry_server.cli.arguments import split_token
from wherry_server.cli.lines import event_data, event_line, settled_line
from wherry_server.cli.screen import Screen
from wherry_server.cli.show import moments
from wherry_server.cli.submit import read_input
from wherry_server.cli.watch import picture
from wherry_server.cli.worker import split_names
from wherry_server.demo.run import parting_words

NOW_MS = 1_700_000_000_000
ERROR = '{"attempt":1,"type":"ValueError","message":"no","code":"error","traceback":""}\n'


def row(**fields: Any) -> JobRow:
    """A pending job, created 2 s ago."""
    base = JobRow(
        id="01a20111-c959-7000-a9da-1b8c6588f8db", namespace="", queue="default", task="t", state="pending",
        input="1", fingerprint="", priority=0, priority_step_ms=1, created_at_ms=NOW_MS - 2000,
        run_at_ms=NOW_MS - 2000, max_attempts=4, base_attempts=4, backoff="{}",
    )  # fmt: skip
    return base._replace(**fields)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"), (41, "41 ms"), (999.4, "999 ms"), (1000, "1.0 s"), (3210, "3.2 s"), (59_940, "59.9 s"),
        (59_960, "1 min"), (240_000, "4 min"), (3_590_000, "1 h 00 min"), (7_500_000, "2 h 05 min"),
        (273_600_000, "3 d 4 h"),
    ],
)  # fmt: skip
def test_a_duration_has_the_unit_that_fits(ms: float, text: str) -> None:
    assert words.duration(ms) == text


@pytest.mark.parametrize(
    ("distance_ms", "text"),
    [
        (0, "now"), (999, "now"), (12_000, "12 s ago"), (119_999, "1 min ago"), (3_600_000, "1 h ago"),
        (5 * 86_400_000, "5 d ago"), (-12_000, "in 12 s"), (-120_000, "in 2 min"),
    ],
)  # fmt: skip
def test_an_instant_is_told_by_its_distance(distance_ms: int, text: str) -> None:
    assert words.ago(NOW_MS - distance_ms, NOW_MS) == text


@pytest.mark.parametrize(
    ("fields", "state", "sentence"),
    [
        ({}, "pending", "Waits for a worker that has t and takes the queue default."),
        ({"run_at_ms": NOW_MS + 9000}, "scheduled", "Starts in 9 s."),
        (
            {"run_at_ms": NOW_MS + 9000, "attempt": 2},
            "scheduled",
            "Waits after attempt 2; the next one starts in 9 s.",
        ),
        ({"state": "blocked", "waiting_for": 2}, "blocked", "Waits for 2 jobs to finish first."),
        ({"state": "suspended"}, "suspended", "Sleeps until a signal, another job or a time wakes it."),
        (
            {"state": "running", "worker": "w", "lease_until_ms": NOW_MS + 5000},
            "running",
            "Runs in w; its lease ends in 5.0 s unless renewed.",
        ),
        (
            {"state": "running", "worker": "w", "lease_until_ms": NOW_MS - 1},
            "running",
            "Runs in w; its lease is over.",
        ),
        (
            {
                "state": "running",
                "worker": "w",
                "lease_until_ms": NOW_MS + 5000,
                "cancel_requested_at_ms": NOW_MS,
            },
            "cancelling",
            "Asked to stop; runs in w; its lease ends in 5.0 s unless renewed.",
        ),
        (
            {"state": "completed", "attempt": 1, "attempted_at_ms": NOW_MS - 41, "finished_at_ms": NOW_MS},
            "completed",
            "It completed after 41 ms.",
        ),
        (
            {"state": "failed", "attempt": 3, "attempted_at_ms": NOW_MS - 41, "finished_at_ms": NOW_MS},
            "failed",
            "It failed on attempt 3 after 41 ms.",
        ),
        ({"state": "cancelled", "finished_at_ms": NOW_MS}, "cancelled", "It was cancelled."),
    ],
)
def test_one_sentence_says_where_a_job_is(fields: dict[str, Any], state: str, sentence: str) -> None:
    job = row(**fields)

    assert (words.shown_state(job, NOW_MS), words.where(job, NOW_MS)) == (state, sentence)


def test_percent_is_that_of_the_job_and_a_hundred_when_it_is_done() -> None:
    jobs = (row(), row(percent=41.6), row(percent=90.0, state="completed"))

    assert [words.percent(job) for job in jobs] == ["", "42", "100"]


def test_a_job_has_run_as_long_as_its_latest_attempt() -> None:
    assert words.run_ms(row(), NOW_MS) is None
    assert words.run_ms(row(attempted_at_ms=NOW_MS - 500, started_at_ms=NOW_MS - 900), NOW_MS) is None
    assert words.run_ms(row(state="running", attempted_at_ms=NOW_MS - 500), NOW_MS) == 500


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("bell\x07 back\r", "bell\\x07 back\\r"),
        ("\x9b31m \u202eevil", "\\x9b31m \\u202eevil"),
        ("[bold]markup[/bold] :smile:", "[bold]markup[/bold] :smile:"),
    ],
)
def test_what_would_control_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert words.plain(text) == shown


def test_a_long_message_is_cut_to_one_line() -> None:
    assert words.one_line("a\nb  c") == "a b c"
    assert words.one_line("x" * 300, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("42", {}, 42),
        ("42", {"type": "string"}, "42"),
        ('"42"', {"type": "string"}, "42"),
        ("null", {"type": "string"}, "null"),
        ("[1, 2]", {"type": "array"}, [1, 2]),
        ("one two", {"type": "integer"}, "one two"),
        ("", {}, ""),
        ("[" * 100_000, {}, "[" * 100_000),
    ],
)
def test_an_argument_is_json_or_the_text_that_a_task_wants(
    text: str, schema: dict[str, Any], value: Any
) -> None:
    assert read_input(text, schema) == value


def test_names_come_by_comma_or_by_repeated_options() -> None:
    assert split_names(["a, b", "c", "a", ""]) == ("a", "b", "c")
    assert split_names(None) == ()


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:8420/#token=abc-_", ("http://127.0.0.1:8420/", "abc-_")),
        ("https://host/path", ("https://host/path", None)),
        ("http://host/#other", ("http://host/#other", None)),
        ("sqlite:a#token=b.db", ("sqlite:a#token=b.db", None)),
    ],
)
def test_a_printed_address_brings_its_token(url: str, parts: tuple[str, str | None]) -> None:
    assert split_token(url) == parts


# --- timelines and lines -------------------------------------------------------------------------------
def test_a_timeline_tells_attempts_and_errors_in_their_order() -> None:
    waiting = row(started_at_ms=NOW_MS - 900, attempted_at_ms=NOW_MS - 900, attempt=1, errors=ERROR)
    again = waiting._replace(attempted_at_ms=NOW_MS - 100, attempt=2)
    done = again._replace(state="completed", finished_at_ms=NOW_MS)
    failed = again._replace(
        state="failed", finished_at_ms=NOW_MS, errors=ERROR + ERROR.replace('"attempt":1', '"attempt":2')
    )

    first = ["submitted", "first attempt started", "attempt 1 failed: ValueError: no"]
    assert [one.what for one in moments(waiting)] == [*first, "next attempt may start"]
    assert [one.what for one in moments(again._replace(state="running"))] == [*first, "attempt 2 started"]
    assert [one.what for one in moments(done)] == [*first, "attempt 2 started", "completed"]
    assert [one.what for one in moments(failed)] == [
        *first, "attempt 2 started", "attempt 2 failed: ValueError: no", "failed",
    ]  # fmt: skip
    assert [one.what for one in moments(row(cancel_requested_at_ms=NOW_MS))][-1] == "asked to stop"


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVENT = Event(
    "job_error",
    "01a20111-c959-7000-a9da-1b8c6588f8db",
    "q",
    "t",
    AT,
    "c",
    error={"type": "E", "message": "m"},
)


def test_an_event_is_one_line() -> None:
    local = AT.astimezone().strftime("%H:%M:%S")

    assert event_line(Screen(), EVENT).plain == f"{local}  ✕ failed       1b8c6588f8db  t  E: m"
    progress = EVENT._replace(name="job_progress", percent=40.0, message="half\nway", error=None)
    assert event_line(Screen(), progress).plain == f"{local}  ◐ progress     1b8c6588f8db  t  40 % half way"


def test_an_event_as_json_has_only_what_it_has() -> None:
    assert event_data(EVENT) == {
        "name": "job_error", "job_id": EVENT.job_id, "queue": "q", "task": "t", "cursor": "c",
        "at": "2026-01-02T03:04:05+00:00", "error": {"type": "E", "message": "m"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "verdict", "told"),
    [
        ("complete", "ok", "● completed    1b8c6588f8db  t  41 ms"),
        ("release", "ok", "○ handed back  1b8c6588f8db  t  41 ms"),
        ("retry", "cancel", "⊘ cancelled    1b8c6588f8db  t  41 ms"),
        ("complete", "lost", "✕ refused      1b8c6588f8db  t  41 ms another worker holds the job now"),
    ],
)
def test_a_worker_says_what_followed_an_attempt(kind: Any, verdict: Any, told: str) -> None:
    job = Claimed(EVENT.job_id, 1, 1, "t", "q", "", "1", 4, 0, "{}", None, None, None, None)

    line = settled_line(Screen(), job, Settlement(job.id, 1, kind), verdict, 0.041)

    assert line.plain.partition("  ")[2] == told


def test_the_live_picture_shows_counts_and_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    running = row(state="running", attempt=1, percent=40.0, attempted_at_ms=NOW_MS - 3000)

    screen.show(picture(screen, {"running": 1, "completed": 12_345}, [running], now_ms=NOW_MS))
    screen.show(picture(screen, {}, [], now_ms=NOW_MS))

    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["88f8db", "t", "◐", "running", "40", "2", "s", "ago", "3.0", "s", "1/4"]
    assert [lines[4].strip(), lines[6]] == ["◐ 1 running   ● 12,345 completed", "no jobs yet"]


def test_a_terminal_without_utf8_gets_ascii_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(type(screen.out), "encoding", property(lambda _: "ascii"))

    assert {screen.state(name).plain for name in ("completed", "failed")} == {"* completed", "x failed"}


def test_the_demo_says_what_it_leaves_behind(tmp_path: Any) -> None:
    kept = f"The data is in {tmp_path}; to go on: wherry demo --data {tmp_path}"

    assert parting_words({"completed": 650, "pending": 1}, tmp_path) == [
        "Left running or waiting: 1 unfinished job goes on with the next start. 650 completed.", kept,
    ]  # fmt: skip
    assert parting_words({"completed": 1200}, tmp_path)[0] == "Nothing is left unfinished. 1,200 completed."
    assert parting_words({}, tmp_path)[0] == "Nothing is left unfinished."
