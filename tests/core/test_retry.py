"""R5, R6, R8, R9: what follows an attempt; pure decisions, so no storage and no clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from wherry import Backoff, InvalidInput, JobTimeout, PermanentError, RetryableError, Snooze, create_task
from wherry.job import JobRow
from wherry.messages import Claimed
from wherry.retry import (
    MAX_INTERRUPTIONS,
    after_attempt,
    after_interruption,
    after_lapse,
    delay_ms,
    interrupted,
    rebuild,
)


def claimed(**changes: Any) -> Claimed:
    job = Claimed(
        "j", 3, 1, "t", "q", "", "null", 4, 0, Backoff(jitter=0).as_payload(), None, None, None, None
    )
    return job._replace(**changes)


def row(**changes: Any) -> JobRow:
    base = JobRow(
        "j", "", "q", "t", "running", "null", "", 0, 1, 0, 0, 4, 4, "{}", attempt=1, fence=3, worker="w"
    )
    return base._replace(**changes)


class Unreachable(Exception):
    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class Picky(Exception):
    def __init__(self) -> None:
        super().__init__("always this")


@pytest.mark.parametrize(
    ("attempt", "expected_ms"), [(1, 1000), (2, 2000), (5, 16_000), (12, 300_000), (5000, 300_000)]
)
def test_the_delay_doubles_up_to_its_limit(attempt: int, expected_ms: int) -> None:
    assert delay_ms(Backoff(jitter=0).as_payload(), attempt, 0.0) == expected_ms


def test_jitter_shortens_the_delay_by_at_most_its_share() -> None:
    policy = Backoff(first=10, jitter=0.5).as_payload()

    assert delay_ms(policy, 1, 0.0) == 10_000
    assert delay_ms(policy, 1, 0.999) == pytest.approx(5000, abs=10)


def test_a_job_without_a_policy_has_the_default_one() -> None:
    assert delay_ms("{}", 1, 0.0) == 1000


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"first": -1}, "first: must be a number of seconds, not negative, not -1"),
        ({"limit": -1}, "limit: must be a number of seconds, not negative, not -1"),
        ({"factor": 0.5}, "factor: must be a number of at least 1, not 0.5"),
        ({"jitter": 2}, "jitter: must lie between 0 and 1, not 2"),
        ({"first": float("nan")}, "first: must be a number of seconds, not negative, not nan"),
        ({"limit": float("inf")}, "limit: must be a number of seconds, not negative, not inf"),
        ({"factor": "2"}, "factor: must be a number of at least 1, not '2'"),
        ({"jitter": True}, "jitter: must lie between 0 and 1, not True"),
        ({"delays": ()}, "delays: names none"),
        ({"delays": 5}, "delays: must be a list of seconds, not 5"),
        ({"delays": (1, -1)}, "delays: [1] must be a number of seconds, not negative, not -1"),
    ],
)
def test_a_wrong_backoff_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Backoff(**options)
    assert str(caught.value) == f"invalid input for Backoff: {problem}"


def test_explicit_delays_are_taken_as_they_are_and_the_last_one_stays() -> None:
    policy = Backoff(delays=(1, 5, 30.5)).as_payload()

    assert [delay_ms(policy, attempt, 0.9) for attempt in (1, 2, 3, 4, 99)] == [
        1000,
        5000,
        30_500,
        30_500,
        30_500,
    ]


@pytest.mark.parametrize(
    ("options", "error", "kind"),
    [
        ({"retry_on": [OSError]}, ConnectionError("no"), "retry"),
        ({"retry_on": [OSError]}, ValueError("no"), "fail"),
        ({"retry_on": [OSError]}, RetryableError("busy"), "retry"),
        ({"retry_on": [OSError]}, JobTimeout("slow"), "retry"),
        ({"retry_on": [OSError], "never_retry": [ConnectionError]}, ConnectionError("no"), "fail"),
        ({"never_retry": (ValueError,)}, UnicodeError("no"), "fail"),
        ({"never_retry": (ValueError,)}, OSError("no"), "retry"),
        ({"retry_on": [Exception]}, PermanentError("no"), "fail"),
    ],
)
def test_a_task_says_which_exceptions_are_tried_again(
    options: dict[str, Any], error: Exception, kind: str
) -> None:
    one = create_task("one", lambda value: value, **options)

    assert after_attempt(claimed(), error, one.gives_up).kind == kind


@pytest.mark.parametrize("name", ["retry_on", "never_retry"])
def test_what_is_no_exception_class_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=rf"{name}: \[0\] must be an exception class, not 7"):
        create_task("one", lambda value: value, **{name: [7]})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=f"{name}: must be a list of exception classes"):
        create_task("one", lambda value: value, **{name: ValueError})  # type: ignore[arg-type]


def test_an_error_is_retried_after_the_backoff() -> None:
    settlement = after_attempt(claimed(attempt=2), ValueError("no"))

    assert (settlement.kind, settlement.fence, settlement.delay_ms) == ("retry", 3, 2000)
    assert json.loads(settlement.error or "")["message"] == "no"


def test_the_last_attempt_fails_the_job() -> None:
    assert after_attempt(claimed(attempt=4), ValueError("no")).kind == "fail"


@pytest.mark.parametrize(
    "error", [PermanentError("no"), InvalidInput("t", ["x: y"]), JobTimeout("late", code="deadline_exceeded")]
)
def test_what_cannot_help_is_not_retried(error: Exception) -> None:
    assert after_attempt(claimed(), error).kind == "fail"


def test_a_timeout_is_retried() -> None:
    assert after_attempt(claimed(), JobTimeout("slow")).kind == "retry"


def test_a_handler_may_choose_when_to_come_back() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)

    assert after_attempt(claimed(), RetryableError("busy", retry_in=7.5)).delay_ms == 7500
    assert after_attempt(claimed(), RetryableError("busy", retry_at=at)).run_at_ms == round(
        at.timestamp() * 1000
    )
    assert after_attempt(claimed(attempt=4), RetryableError("busy", retry_in=7.5)).kind == "fail"


def test_a_snooze_keeps_no_error() -> None:
    settlement = after_attempt(claimed(attempt=4), Snooze(60))

    assert (settlement.kind, settlement.delay_ms, settlement.error) == ("snooze", 60_000, None)


def test_an_interruption_is_uncharged_until_there_were_too_many() -> None:
    assert interrupted(claimed(interruptions=MAX_INTERRUPTIONS - 1)).kind == "release"
    ended = interrupted(claimed(interruptions=MAX_INTERRUPTIONS))

    assert ended.kind == "fail"
    assert json.loads(ended.error or "")["code"] == "interrupted"
    assert after_interruption(row(interruptions=0)).kind == "release"


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"lapse": "lease"}, "retry", "lease_lapsed"),
        ({"lapse": "lease", "attempt": 4}, "fail", "lease_lapsed"),
        ({"lapse": "lease", "cancel_requested_at_ms": 1}, "cancel", None),
        ({"lapse": "deadline"}, "fail", "deadline_exceeded"),
        ({"lapse": "doomed", "doomed": "fail"}, "fail", "parent_failed"),
        ({"lapse": "doomed", "doomed": "cancel"}, "cancel", None),
    ],
)
def test_a_lapsed_job_is_settled_by_its_own_policy(
    changes: dict[str, Any], kind: str, code: str | None
) -> None:
    settlement = after_lapse(row(**changes))

    assert settlement is not None
    assert (settlement.kind, settlement.if_lapsed) == (kind, True)
    assert (json.loads(settlement.error)["code"] if settlement.error else None) == code


def test_a_live_job_is_left_alone() -> None:
    assert after_lapse(row()) is None


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_what_a_dead_worker_held_does_not_wait_for_the_tasks_backoff(attempt: int) -> None:
    patient = Backoff(first=60.0, limit=3600.0).as_payload()

    settlement = after_lapse(row(lapse="lease", attempt=attempt, backoff=patient))

    assert settlement is not None
    assert (settlement.kind, settlement.delay_ms) == ("retry", 1000)


def test_the_tasks_own_exception_is_raised_again() -> None:
    error = rebuild("j", after_attempt(claimed(attempt=4), Unreachable("db1")).error or "")

    assert isinstance(error, Unreachable)
    assert error.host == "db1"


def test_an_exception_that_cannot_be_rebuilt_is_not() -> None:
    assert rebuild("j", after_attempt(claimed(attempt=4), Picky()).error or "") is None
    assert rebuild("j", '{"type": "Popen", "module": "subprocess", "args": ["true"], "message": ""}') is None
    assert rebuild("j", '{"type": "Gone", "module": "not_imported_here", "args": [], "message": ""}') is None
