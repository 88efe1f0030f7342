"""Every error of wherry: one base class, a stable `code`, data as attributes, a text with the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


class WherryError(Exception):
    """Base of all errors that wherry raises itself.  `code` is stable and meant for programs."""

    code = "error"


# --- at the door: nothing was stored -------------------------------------------------------------
class InvalidInput(WherryError, ValueError):
    """An argument or a task's input does not fit.

    Args:
        what: what was given it, a task or a function.
        problems: each as `field: reason`.
    """

    code = "invalid_input"

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__(f"invalid input for {what}: {'; '.join(problems)}")
        self.what, self.problems = what, tuple(problems)


class InvalidOutput(WherryError, ValueError):
    """A handler returned what its annotation does not allow."""

    code = "invalid_output"

    def __init__(self, task: str, problems: Sequence[str]) -> None:
        super().__init__(
            f"invalid output of {task}: {'; '.join(problems)}. Fix the handler or its return annotation."
        )
        self.task, self.problems = task, tuple(problems)


class InvalidTask(WherryError, TypeError):
    """A function or class cannot be a task as it is written."""

    code = "invalid_task"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} cannot be a task: {reason}")
        self.name = name


class UnknownTask(WherryError, LookupError):
    """No task of that name is registered here or in the storage's manifest."""

    code = "unknown_task"

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        import difflib  # only to word this error: not worth its import time at start

        near = difflib.get_close_matches(name, known, n=1)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else "start a server or worker that has it, or import its module."
        )
        super().__init__(f"no task is named {name!r}: {hint}")
        self.name, self.known = name, tuple(known)


class DuplicateTask(WherryError):
    """Two tasks claim one name."""

    code = "duplicate_task"

    def __init__(self, name: str) -> None:
        super().__init__(f"a task named {name!r} is registered already: give one of them another `name=`.")
        self.name = name


class PayloadTooLarge(WherryError, ValueError):
    """A payload is over the storage's limit."""

    code = "payload_too_large"

    def __init__(self, argument: str, size: int, limit: int) -> None:
        super().__init__(
            f"{argument} is {size} bytes of JSON, over the limit of {limit}: "
            "store the data elsewhere and pass a reference to it."
        )
        self.argument, self.size, self.limit = argument, size, limit


class NotJson(WherryError, ValueError):
    """A value has no JSON form.  `path` names the place in it, `$` being the whole."""

    code = "not_json"

    def __init__(self, path: str, found: str) -> None:
        super().__init__(
            f"{path} is {found}, which JSON cannot hold: pass text, finite numbers, lists or objects."
        )
        self.path, self.found = path, found


class NoDefaultClient(WherryError, RuntimeError):
    """`task.later` was called without a client to submit through."""

    code = "no_default_client"

    def __init__(self) -> None:
        super().__init__("no default client: call client.make_default(), or submit inside `with client:`.")


# --- what became of a job ------------------------------------------------------------------------
class JobNotFound(WherryError, LookupError):
    """No job of that id is stored."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"no job {job_id!r} is stored: it was removed, or belongs to another storage or namespace."
        )
        self.job_id = job_id


class JobFailed(WherryError):
    """The job ended as failed and its own exception cannot be raised here.

    Attributes: `job_id`, `type` (qualified name), `message`, `traceback` (text), `error_code`.
    """

    code = "job_failed"

    def __init__(
        self, job_id: str, type: str, message: str, traceback: str = "", error_code: str = "error"
    ) -> None:
        super().__init__(f"job {job_id} failed with {type}: {message}")
        self.job_id, self.type, self.message = job_id, type, message
        self.traceback, self.error_code = traceback, error_code


class JobCancelled(WherryError):
    """The job that was waited for was cancelled."""

    code = "job_cancelled"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} was cancelled: submit it again, or `client.retry({job_id!r})`.")
        self.job_id = job_id


class JobDisabled(WherryError):
    """The job that was waited for was disabled."""

    code = "job_disabled"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} is disabled: `client.retry({job_id!r})` puts it back.")
        self.job_id = job_id


class JobTimeout(WherryError, TimeoutError):
    """An attempt passed its timeout, or a job its deadline (`code` says which)."""

    code = "timeout"

    def __init__(self, message: str, *, code: str = "timeout") -> None:
        super().__init__(message)
        self.code = code


class ResultTimeout(WherryError, TimeoutError):
    """`result(timeout=...)` gave up waiting; the job goes on."""

    code = "result_timeout"

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(
            f"job {job_id} is not finished after {seconds:g} s: it goes on; wait again, or cancel it."
        )
        self.job_id, self.seconds = job_id, seconds


class ProcessEnded(WherryError):
    """The process of a task with `isolation="process"` died before its handler returned.

    Attributes: `status`, its exit status; negative for the signal that killed it.
    """

    code = "process_ended"

    def __init__(self, task: str, status: int) -> None:
        how = f"ended with exit status {status}"
        if status < 0:
            how = f"was killed by {_signal_name(-status)}"
        super().__init__(
            f"the process that ran {task} {how}: its last words are in the worker's log. "
            "After SIGKILL, look whether memory ran out."
        )
        self.task, self.status = task, status


class NotRun(WherryError):
    """`batch(stop_on_error=True)` stopped before this input was run."""

    code = "not_run"

    def __init__(self) -> None:
        super().__init__("not run: an earlier input failed and stop_on_error was set; run it again.")


class TaskPaused(WherryError):
    """`now` was asked to run a task that is paused, by itself or by its queue."""

    code = "task_paused"

    def __init__(self, task: str, queue: str) -> None:
        remedy = "`client.resume(...)`, or `now(..., persist=False)`"
        super().__init__(f"{task!r} or its queue {queue!r} is paused: {remedy}.")
        self.task, self.queue = task, queue


class EventTimeout(WherryError, TimeoutError):
    """`wait_for_event(timeout=...)` gave up."""

    code = "event_timeout"

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"no {name} came within {seconds:g} s: wait again, or longer.")
        self.name, self.seconds = name, seconds


class EventsMissed(WherryError):
    """The cursor of `client.events(since=...)` is too old or of another store."""

    code = "events_missed"

    def __init__(self, cursor: str) -> None:
        super().__init__(
            "events were missed, they are kept no longer: read the jobs again, "
            "then follow `client.events(since=error.cursor)`."
        )
        self.cursor = cursor  # where to go on after reading again what matters


class LeaseLost(WherryError):
    """Another worker holds the job now; this attempt's writes are refused."""

    code = "lease_lost"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"the lease of job {job_id} lapsed and it went to another worker: make the lease longer."
        )
        self.job_id = job_id


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# --- raised by handlers --------------------------------------------------------------------------
class RetryableError(WherryError):
    """Raise it in a handler to be run again, at a time of your choosing.

    Args:
        message: kept with the attempt.
        retry_at: an aware datetime, as a server's Retry-After may ask.
        retry_in: seconds from now.  Without either the task's backoff decides.
    """

    code = "retryable"

    def __init__(
        self, message: str = "", *, retry_at: datetime | None = None, retry_in: float | None = None
    ) -> None:
        super().__init__(message)
        self.retry_at, self.retry_in = retry_at, retry_in


class PermanentError(WherryError):
    """Raise it in a handler to fail the job at once, whatever attempts are left."""

    code = "permanent"


class Snooze(WherryError):
    """Raise it in a handler to be run again in `seconds` without being charged an attempt."""

    code = "snooze"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"snoozed for {seconds} s")
        self.seconds = seconds


# --- storages ------------------------------------------------------------------------------------
class StorageError(WherryError):
    """Base of what storages raise."""

    code = "storage_error"


class StorageUnavailable(StorageError):
    """The storage did not answer.

    With `outcome_unknown` the call may have been applied: repeat it as it is.
    """

    code = "storage_unavailable"

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown


class UnsupportedByStorage(StorageError):
    """The storage lacks what was asked for."""

    code = "unsupported_by_storage"

    def __init__(self, what: str, storage: str, remedy: str) -> None:
        super().__init__(f"{storage} storage has no {what}: {remedy}")
        self.what, self.storage = what, storage


class UnknownStorage(StorageError, ValueError):
    """The URL names no storage."""

    code = "unknown_storage"

    def __init__(self, url: str, kinds: Sequence[str]) -> None:
        super().__init__(f"{url!r} is no storage URL: use one of {', '.join(kinds)}.")
        self.url = url


class NotAStore(StorageError):
    """The file or database is something else."""

    code = "not_a_store"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"{place} is not a wherry store ({reason}): name another file; this one was left as it is."
        )
        self.place = place


class SchemaTooNew(StorageError):
    """A newer wherry wrote this store."""

    code = "schema_too_new"

    def __init__(self, place: str, found: int, known: int) -> None:
        super().__init__(f"{place} has schema {found}, this wherry knows {known}: upgrade wherry to open it.")
        self.place, self.found, self.known = place, found, known


# --- over HTTP -----------------------------------------------------------------------------------
class Unauthorized(WherryError):
    """The token is missing or wrong."""

    code = "unauthorized"

    def __init__(self, message: str = "the server wants a token: pass `token=` or set WHERRY_TOKEN.") -> None:
        super().__init__(message)


class Forbidden(WherryError):
    """The token lacks the scope."""

    code = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this token has no {scope!r} scope: ask for one that has.")
        self.scope = scope


class MalformedRequest(WherryError, ValueError):
    """A request is not what the operation takes."""

    code = "malformed_request"


class RemoteError(WherryError):
    """The server refused with a code that this version does not know."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
