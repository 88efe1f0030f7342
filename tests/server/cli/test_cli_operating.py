"""J1: result, why, cancel, retry, delete, pause, resume, workers; R16, R18, R19 on the command line."""

from __future__ import annotations

import json

import pytest

from tests.server.cli.command import Wherry, refused, rows


def submitted(wherry: Wherry, url: str, *arguments: str) -> str:
    return wherry("submit", url, *arguments).out.strip()


def test_result_prints_the_result_and_waits_for_it(wherry: Wherry, worked: str) -> None:
    job = submitted(wherry, worked, "reverse", "abc")

    assert (wherry("result", worked, job).out, wherry("result", worked, job[-8:]).out) == ("cba\n", "cba\n")
    assert wherry("result", worked, job, "--json").json["output"] == "cba"


def test_result_gives_up_after_its_timeout(wherry: Wherry, url: str) -> None:
    job = submitted(wherry, url, "reverse", "abc")

    refused(wherry("result", url, job, "--timeout", "0.05"), "result_timeout", "is not finished after 0.05 s")


def test_why_says_it_in_one_sentence(wherry: Wherry, url: str) -> None:
    job = submitted(wherry, url, "reverse", "abc")

    said = wherry("why", url, job)
    assert said.out == "No server tells that it is alive: start one that has 'reverse'.\n"
    assert wherry("why", url, job, "--json").json == {
        "id": job,
        "state": "pending",
        "why": said.out.rstrip("\n"),
    }


def test_cancel_takes_ids_or_a_choice(wherry: Wherry, url: str) -> None:
    first = submitted(wherry, url, "reverse", "abc")
    second = submitted(wherry, url, "reverse", "abc", "--run-id", "r")
    third = submitted(wherry, url, "echo", "abc")

    said = wherry("cancel", url, first[-12:])
    assert (said.code, said.out, said.err) == (0, "", "Cancelled or asked to stop: 1 job.\n")
    assert wherry("cancel", url, "--run-id", "r", "--json").json == {"changed": 1}
    assert {row.id: row.state for row in rows(url)} == {
        first: "cancelled",
        second: "cancelled",
        third: "pending",
    }
    again = wherry("cancel", url, first)
    refused(again, "not_changed", f"job {first} is cancelled", "only an unfinished job")


def test_retry_puts_back_by_id_or_by_choice(wherry: Wherry, url: str) -> None:
    first = submitted(wherry, url, "reverse", "abc")
    submitted(wherry, url, "echo", "abc")
    wherry("cancel", url, "--task", "reverse", "--task", "echo")

    assert wherry("retry", url, "--task", "echo", "--json").json == {"changed": 0}  # none has failed
    assert wherry("retry", url, first).err == "Put back: 1 job.\n"
    assert wherry("retry", url, "--state", "cancelled", "--limit", "5", "--json").json == {"changed": 1}
    assert [row.state for row in rows(url)] == ["pending", "pending"]


def test_delete_takes_only_what_is_finished(wherry: Wherry, url: str) -> None:
    first, second = (submitted(wherry, url, "reverse", "abc") for _ in range(2))
    refused(wherry("delete", url, first), "not_changed", "only a finished job can be; cancel it first")
    wherry("cancel", url, first)

    assert wherry("delete", url, "--queue", "default", "--json").json == {"changed": 1}
    assert [row.id for row in rows(url)] == [second]


@pytest.mark.parametrize("command", ["cancel", "retry", "delete"])
def test_nobody_changes_all_by_mistake(wherry: Wherry, url: str, command: str) -> None:
    for arguments in ((), ("0123abcd", "--state", "failed")):
        said = wherry(command, url, *arguments)
        assert (said.code, said.out) == (2, "")
        assert "name jobs by their ids, or choose them: --state, --queue, --task, --run-id." in " ".join(
            said.err.split()
        )


@pytest.mark.parametrize("command", ["cancel", "retry", "delete", "why", "result"])
def test_no_such_job_ends_with_3(wherry: Wherry, url: str, command: str) -> None:
    assert wherry(command, url, "01a20194-b9ef-7000-9b68-d82c3062c6b0").code == 3


def test_ids_go_with_a_storage_from_the_environment(
    wherry: Wherry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (submitted(wherry, url, "reverse", "abc") for _ in range(2))
    monkeypatch.setenv("WHERRY_STORAGE", url)

    assert wherry("cancel", first, second, "--json").json == {"changed": 2}


def test_a_queue_is_paused_listed_and_resumed(wherry: Wherry, url: str) -> None:
    assert wherry("pause", url).err == "Nothing is paused.\n"
    said = wherry("pause", url, "--queue", "mail")
    assert (said.code, said.err) == (0, "Paused the queue mail. What runs goes on, what comes waits.\n")
    wherry("pause", url, "--task", "echo", "--namespace", "blue")

    listed = wherry("pause", url, "--json").json["paused"]
    assert [(one["kind"], one["name"], one["namespace"]) for one in listed] == [
        ("queue", "mail", ""),
        ("task", "echo", "blue"),
    ]
    assert wherry("pause", url).out.splitlines()[1].split()[:2] == ["queue", "mail"]
    assert wherry("resume", url, "--queue", "mail").err == "Resumed the queue mail.\n"
    assert wherry("resume", url, "--queue", "mail", "--json").json == {"was_paused": False}
    refused(wherry("resume", url), "invalid_input", "give either queue= or task=")


def test_workers_are_listed_while_they_live(wherry: Wherry, worked: str) -> None:
    submitted(wherry, worked, "reverse", "abc", "--wait")
    (worker,) = wherry("workers", worked, "--json").json["workers"]

    assert "reverse" in worker["tasks"]
    assert (worker["queues"], worker["concurrency"]) == (None, 8)
    lines = wherry("workers", worked).out.splitlines()
    assert lines[0].split()[:4] == ["worker", "pid", "queues", "slots"]
    assert lines[1].split()[2:4] == ["all", "0/8"]


def test_without_workers_the_next_step_is_said(wherry: Wherry, url: str) -> None:
    said = wherry("workers", url)

    assert (said.code, said.out) == (0, "")
    assert said.err == "No worker is alive. Start one: wherry worker STORAGE --tasks MODULE\n"
    assert json.loads(wherry("workers", url, "--json").out) == {"workers": []}
