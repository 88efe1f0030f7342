"""What follows an attempt: pure decisions, carried out by the storage."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from wherry import entropy
from wherry.checks import problems_in, seconds
from wherry.errors import InvalidInput, JobTimeout, PermanentError, RetryableError, Snooze, WherryError
from wherry.job import JobRow
from wherry.messages import Claimed, Payload, Settlement

MAX_INTERRUPTIONS = 20
"""So that a job that always takes its worker down with it still ends."""

_LONGEST_WAIT_AFTER_LAPSE_MS = 1000
"""A task's backoff is for its own errors; what a dead worker held starts again within lease + 5 s (Q5)."""

_NEVER_RETRIED = (PermanentError,)
_MAX_TRACEBACK = 16_000


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between attempts, in seconds.

    The delay after attempt n is `first * factor ** (n - 1)`, at most `limit`, shortened at random by up
    to `jitter` of itself, so that jobs that failed together do not come back together.  With `delays` it is
    the n-th of them exactly, the last one from there on.

    Raises: `InvalidInput`.
    """

    first: float = 1.0
    factor: float = 2.0
    limit: float = 300.0
    jitter: float = 0.2
    delays: Sequence[float] | None = None

    def __post_init__(self) -> None:
        given = {"first": self.first, "factor": self.factor, "jitter": self.jitter, "delays": self.delays}
        problems = problems_in(given)
        if problem := seconds(self.limit):
            problems.append(f"limit: {problem}")
        if problems:
            raise InvalidInput("Backoff", problems)

    def as_payload(self) -> Payload:
        """The policy as it is stored with each job."""
        if self.delays is not None:
            return json.dumps({"delays_ms": [round(delay * 1000) for delay in self.delays]})
        policy = {
            "first_ms": round(self.first * 1000),
            "factor": self.factor,
            "limit_ms": round(self.limit * 1000),
        }
        return json.dumps({**policy, "jitter": self.jitter})


def delay_ms(policy: Payload, attempt: int, chance: float) -> int:
    """Milliseconds to wait after `attempt`; `chance` in [0, 1) places it within the jitter.

    The exponent is capped before the power is taken: a float overflows at attempt 1025.
    """
    given: dict[str, Any] = json.loads(policy)
    delays: list[int] | None = given.get("delays_ms")
    if delays:
        return delays[min(attempt, len(delays)) - 1]
    longest = given.get("limit_ms", 300_000)
    grown = given.get("first_ms", 1000) * given.get("factor", 2.0) ** min(attempt - 1, 64)
    return round(min(grown, longest) * (1 - given.get("jitter", 0.2) * chance))


def after_attempt(
    job: Claimed, error: BaseException, gives_up: Callable[[BaseException], bool] | None = None
) -> Settlement:
    """Say what follows an attempt that raised `error`; `gives_up` is the task's own word on it."""
    error = _wrong_wait(error) or error
    if isinstance(error, Snooze):
        return Settlement(job.id, job.fence, "snooze", delay_ms=max(0, round(error.seconds * 1000)))
    described = describe(error, job.attempt)
    if job.attempt >= job.max_attempts or is_permanent(error) or (gives_up is not None and gives_up(error)):
        return Settlement(job.id, job.fence, "fail", error=described)
    if isinstance(error, RetryableError) and error.retry_at is not None:
        at_ms = round(error.retry_at.timestamp() * 1000)
        return Settlement(job.id, job.fence, "retry", error=described, run_at_ms=at_ms)
    if isinstance(error, RetryableError) and error.retry_in is not None:
        return Settlement(
            job.id, job.fence, "retry", error=described, delay_ms=max(0, round(error.retry_in * 1000))
        )
    wait_ms = delay_ms(job.backoff, job.attempt, entropy.chance())
    return Settlement(job.id, job.fence, "retry", error=described, delay_ms=wait_ms)


def _wrong_wait(error: BaseException) -> InvalidInput | None:
    """What a handler asks for is a door as well: an endless wait would end its worker, not the job."""
    given: dict[str, object] = {}
    if isinstance(error, Snooze):
        given = {"delay": error.seconds}
    elif isinstance(error, RetryableError):
        given = {"run_at": error.retry_at, "delay": error.retry_in}
    problems = problems_in(given)
    return InvalidInput(type(error).__name__, problems) if problems else None


def is_permanent(error: BaseException) -> bool:
    """Whether trying again cannot help."""
    return isinstance(error, _NEVER_RETRIED) or _code(error) in (
        "invalid_input",
        "invalid_output",
        "not_json",
        "payload_too_large",
        "deadline_exceeded",
    )


def interrupted(job: Claimed) -> Settlement:
    """The attempt ended through no fault of the job: shutdown, a closed tab, a neighbour's crash."""
    return _released(job.id, job.fence, job.attempt, job.interruptions)


def after_interruption(row: JobRow) -> Settlement:
    """Like `interrupted`, for a row whose worker is known to be gone."""
    return _released(row.id, row.fence, row.attempt, row.interruptions)


def _released(job_id: str, fence: int, attempt: int, interruptions: int) -> Settlement:
    if interruptions < MAX_INTERRUPTIONS:
        return Settlement(job_id, fence, "release")
    message = f"interrupted {interruptions + 1} times: its workers end before it does."
    return Settlement(job_id, fence, "fail", error=_error("interrupted", message, attempt))


def after_lapse(row: JobRow) -> Settlement | None:
    """Say what becomes of a job that is over although nobody settled it; None if it is not."""
    if row.lapse is None:
        return None
    kind, error, wait_ms = "cancel", None, 0
    if row.lapse == "doomed":
        if row.doomed != "cancel":
            kind, error = "fail", _error("parent_failed", "a job it waits for did not complete", row.attempt)
    elif row.lapse == "deadline":
        kind, error = "fail", _error("deadline_exceeded", "its deadline passed", row.attempt, "JobTimeout")
    elif row.cancel_requested_at_ms is None:
        message = f"worker {row.worker} stopped renewing its lease: it died, froze, or lost the storage"
        error = _error("lease_lapsed", message, row.attempt, "LeaseLost")
        kind = "fail" if row.attempt >= row.max_attempts else "retry"
        wait_ms = min(delay_ms(row.backoff, row.attempt, 0.0), _LONGEST_WAIT_AFTER_LAPSE_MS)
    return Settlement(row.id, row.fence, kind, error=error, delay_ms=wait_ms, if_lapsed=True)


# --- errors as data --------------------------------------------------------------------------------
def describe(error: BaseException, attempt: int) -> Payload:
    """One attempt's error as one line of JSON: what `JobFailed` and `Job.errors` are made of."""
    kind = type(error)
    facts: dict[str, Any] = {
        "type": kind.__qualname__,
        "module": kind.__module__,
        "message": _said(error),
        "code": _code(error),
        "attempt": attempt,
        "traceback": "".join(traceback.format_exception(error))[-_MAX_TRACEBACK:],
    }
    arguments = _plain(error.args)
    if arguments is not None and not isinstance(error, WherryError):
        facts["args"] = arguments
    return json.dumps(facts)


def _error(code: str, message: str, attempt: int, kind: str = "WherryError") -> Payload:
    return json.dumps(
        {"type": kind, "module": "wherry.errors", "message": message, "code": code, "attempt": attempt}
    )


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _code(error: BaseException) -> str:
    try:
        return str(getattr(error, "code", "error"))
    except Exception:  # a property of a foreign class
        return "error"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failed:
        return f"its text cannot be had: {failed!r}"


def _plain(args: tuple[Any, ...]) -> list[Any] | None:
    # NaN and infinities are no JSON: readers in other languages would choke on the line.
    if all(
        arg is None or isinstance(arg, str | int | float | bool) and not _is_infinite(arg) for arg in args
    ):
        return list(args)
    return None


def rebuild(job_id: str, line: Payload) -> BaseException | None:
    """The task's own exception, if its class is loaded here and takes the same plain arguments.

    Nothing is imported: a store must not be able to choose what code runs in its readers.
    """
    import sys

    facts = cast("dict[str, Any]", json.loads(line))
    # Workers in other languages have no module.
    module = str(facts.get("module", ""))
    if module == "wherry.errors":
        return _rebuild_ours(facts)
    found: object = sys.modules.get(module)
    for name in str(facts["type"]).split("."):
        found = getattr(found, name, None)
    if not (isinstance(found, type) and issubclass(found, Exception)) or "args" not in facts:
        return None
    try:
        return found(*facts["args"])
    except Exception:
        return None


def _rebuild_ours(facts: dict[str, Any]) -> WherryError | None:
    if facts["type"] == "JobTimeout":
        return JobTimeout(facts["message"], code=facts["code"])
    ours = {"PermanentError": PermanentError, "RetryableError": RetryableError}.get(facts["type"])
    return ours(facts["message"]) if ours else None
