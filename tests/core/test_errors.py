"""Every error: its code, its text with the remedy, its data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from wherry import WorkerBusy, errors
from wherry.errors import WherryError

TEXTS: list[tuple[WherryError, str, str]] = [
    (errors.WherryError("anything"), "error", "anything"),
    (
        errors.InvalidInput("text.count", ["text: Input should be a valid string", "n: Field required"]),
        "invalid_input",
        "invalid input for text.count: text: Input should be a valid string; n: Field required",
    ),
    (
        errors.InvalidOutput("text.count", ["should be a valid int"]),
        "invalid_output",
        "invalid output of text.count: should be a valid int. Fix the handler or its return annotation.",
    ),
    (
        errors.InvalidTask("count", "it takes no input."),
        "invalid_task",
        "count cannot be a task: it takes no input.",
    ),
    (
        errors.UnknownTask("text.cuont", ["text.count", "mail.send"]),
        "unknown_task",
        "no task is named 'text.cuont': did you mean 'text.count'?",
    ),
    (
        errors.UnknownTask("text.count"),
        "unknown_task",
        "no task is named 'text.count': start a server or worker that has it, or import its module.",
    ),
    (
        errors.DuplicateTask("text.count"),
        "duplicate_task",
        "a task named 'text.count' is registered already: give one of them another `name=`.",
    ),
    (
        errors.PayloadTooLarge("input", 2_000_000, 1_049_600),
        "payload_too_large",
        (
            "input is 2000000 bytes of JSON, over the limit of 1049600: "
            "store the data elsewhere and pass a reference to it."
        ),
    ),
    (
        errors.NotJson("$.rows[3]", "nan"),
        "not_json",
        "$.rows[3] is nan, which JSON cannot hold: pass text, finite numbers, lists or objects.",
    ),
    (
        errors.NoDefaultClient(),
        "no_default_client",
        "no default client: call client.make_default(), or submit inside `with client:`.",
    ),
    (
        errors.JobNotFound("j1"),
        "job_not_found",
        "no job 'j1' is stored: it was removed, or belongs to another storage or namespace.",
    ),
    (
        errors.JobFailed("j1", "app.Broken", "no paper", "Traceback ...", "printer"),
        "job_failed",
        "job j1 failed with app.Broken: no paper",
    ),
    (
        errors.JobCancelled("j1"),
        "job_cancelled",
        "job j1 was cancelled: submit it again, or `client.retry('j1')`.",
    ),
    (errors.JobDisabled("j1"), "job_disabled", "job j1 is disabled: `client.retry('j1')` puts it back."),
    (errors.JobTimeout("attempt 2 passed 30 s"), "timeout", "attempt 2 passed 30 s"),
    (errors.JobTimeout("too late", code="deadline_exceeded"), "deadline_exceeded", "too late"),
    (
        errors.ResultTimeout("j1", 2.5),
        "result_timeout",
        "job j1 is not finished after 2.5 s: it goes on; wait again, or cancel it.",
    ),
    (
        errors.ProcessEnded("convert", -9),
        "process_ended",
        (
            "the process that ran convert was killed by SIGKILL: its last words are in the worker's log. "
            "After SIGKILL, look whether memory ran out."
        ),
    ),
    (
        errors.NotRun(),
        "not_run",
        "not run: an earlier input failed and stop_on_error was set; run it again.",
    ),
    (
        errors.TaskPaused("mail.send", "mail"),
        "task_paused",
        "'mail.send' or its queue 'mail' is paused: `client.resume(...)`, or `now(..., persist=False)`.",
    ),
    (
        WorkerBusy("host:1"),
        "worker_busy",
        (
            "worker host:1 is running already, and would take more than its `concurrency`: "
            "stop it first, or use another Worker."
        ),
    ),
    (
        errors.EventTimeout("job_complete", 0.5),
        "event_timeout",
        "no job_complete came within 0.5 s: wait again, or longer.",
    ),
    (
        errors.EventsMissed("store:7"),
        "events_missed",
        (
            "events were missed, they are kept no longer: read the jobs again, "
            "then follow `client.events(since=error.cursor)`."
        ),
    ),
    (
        errors.LeaseLost("j1"),
        "lease_lost",
        "the lease of job j1 lapsed and it went to another worker: make the lease longer.",
    ),
    (errors.RetryableError("busy", retry_in=3.0), "retryable", "busy"),
    (errors.PermanentError("no such address"), "permanent", "no such address"),
    (errors.Snooze(90), "snooze", "snoozed for 90 s"),
    (errors.StorageError("odd"), "storage_error", "odd"),
    (errors.StorageUnavailable("no answer"), "storage_unavailable", "no answer"),
    (
        errors.UnsupportedByStorage("limits", "memory", "submit without gates."),
        "unsupported_by_storage",
        "memory storage has no limits: submit without gates.",
    ),
    (
        errors.UnknownStorage("ftp://x", ["memory:", "sqlite:PATH"]),
        "unknown_storage",
        "'ftp://x' is no storage URL: use one of memory:, sqlite:PATH.",
    ),
    (
        errors.NotAStore("jobs.db", "no table of jobs"),
        "not_a_store",
        "jobs.db is not a wherry store (no table of jobs): name another file; this one was left as it is.",
    ),
    (
        errors.SchemaTooNew("jobs.db", 3, 1),
        "schema_too_new",
        "jobs.db has schema 3, this wherry knows 1: upgrade wherry to open it.",
    ),
    (
        errors.Unauthorized(),
        "unauthorized",
        "the server wants a token: pass `token=` or set WHERRY_TOKEN.",
    ),
    (
        errors.Forbidden("operate"),
        "forbidden",
        "this token has no 'operate' scope: ask for one that has.",
    ),
    (errors.MalformedRequest("add: jobs: is missing"), "malformed_request", "add: jobs: is missing"),
    (errors.RemoteError("brand_new", "from a newer server"), "brand_new", "from a newer server"),
]

DATA: list[tuple[WherryError, dict[str, object]]] = [
    (errors.InvalidInput("t", ["a", "b"]), {"what": "t", "problems": ("a", "b")}),
    (errors.InvalidOutput("t", ["a"]), {"task": "t", "problems": ("a",)}),
    (errors.InvalidTask("t", "r"), {"name": "t"}),
    (errors.UnknownTask("t", ["u"]), {"name": "t", "known": ("u",)}),
    (errors.DuplicateTask("t"), {"name": "t"}),
    (errors.PayloadTooLarge("input", 9, 5), {"argument": "input", "size": 9, "limit": 5}),
    (errors.NotJson("$", "nan"), {"path": "$", "found": "nan"}),
    (errors.JobNotFound("j"), {"job_id": "j"}),
    (
        errors.JobFailed("j", "T", "m", "tb", "c"),
        {"job_id": "j", "type": "T", "message": "m", "traceback": "tb", "error_code": "c"},
    ),
    (errors.JobCancelled("j"), {"job_id": "j"}),
    (errors.JobDisabled("j"), {"job_id": "j"}),
    (errors.ResultTimeout("j", 2), {"job_id": "j", "seconds": 2}),
    (errors.ProcessEnded("t", 3), {"task": "t", "status": 3}),
    (errors.LeaseLost("j"), {"job_id": "j"}),
    (errors.TaskPaused("t", "q"), {"task": "t", "queue": "q"}),
    (WorkerBusy("w"), {"worker": "w"}),
    (errors.EventTimeout("n", 2), {"name": "n", "seconds": 2}),
    (errors.EventsMissed("c"), {"cursor": "c"}),
    (errors.Snooze(1.5), {"seconds": 1.5}),
    (errors.StorageUnavailable("x"), {"outcome_unknown": False}),
    (errors.StorageUnavailable("x", outcome_unknown=True), {"outcome_unknown": True}),
    (errors.UnsupportedByStorage("w", "s", "r"), {"what": "w", "storage": "s"}),
    (errors.UnknownStorage("u", ["k"]), {"url": "u"}),
    (errors.NotAStore("p", "r"), {"place": "p"}),
    (errors.SchemaTooNew("p", 3, 1), {"place": "p", "found": 3, "known": 1}),
    (errors.Forbidden("work"), {"scope": "work"}),
]


def classes(kind: type[WherryError] = WherryError) -> Iterator[type[WherryError]]:
    """All error classes of the module, the base first."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from classes(child)


def name_of(value: object) -> str:
    return type(value).__name__ if isinstance(value, WherryError) else ""


@pytest.mark.parametrize(("error", "code", "text"), TEXTS, ids=name_of)
def test_an_error_has_a_code_and_says_what_to_do(error: WherryError, code: str, text: str) -> None:
    assert (error.code, str(error)) == (code, text)


@pytest.mark.parametrize(("error", "data"), DATA, ids=name_of)
def test_an_error_carries_its_data(error: WherryError, data: dict[str, object]) -> None:
    assert {name: getattr(error, name) for name in data} == data


def test_no_error_is_left_out_here() -> None:
    assert {type(error) for error, _, _ in TEXTS} == {*classes(), WorkerBusy}


def test_codes_tell_classes_apart() -> None:
    codes = [kind.code for kind in classes() if "code" in vars(kind)]

    assert len(codes) == len(set(codes))


def test_errors_are_what_callers_expect_of_python() -> None:
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.InvalidOutput, ValueError)
    assert issubclass(errors.InvalidTask, TypeError)
    assert issubclass(errors.UnknownTask, LookupError)
    assert issubclass(errors.PayloadTooLarge, ValueError)
    assert issubclass(errors.NotJson, ValueError)
    assert issubclass(errors.JobNotFound, LookupError)
    assert issubclass(errors.JobTimeout, TimeoutError)
    assert issubclass(errors.ResultTimeout, TimeoutError)
    assert issubclass(errors.UnknownStorage, ValueError)
    assert issubclass(errors.MalformedRequest, ValueError)


def test_a_retry_says_when() -> None:
    at = datetime(2030, 1, 2, tzinfo=UTC)

    assert errors.RetryableError(retry_at=at).retry_at == at
    assert errors.RetryableError("busy", retry_in=1.5).retry_in == 1.5
    assert (errors.RetryableError().retry_at, errors.RetryableError().retry_in) == (None, None)
