"""wherry: durable jobs and workflows in Python that run the same in a browser tab and on a server."""

from wherry.altering import Pause
from wherry.client import Client
from wherry.context import Context
from wherry.ending import WorkerBusy
from wherry.errors import (
    DuplicateTask,
    EventsMissed,
    EventTimeout,
    Forbidden,
    InvalidInput,
    InvalidOutput,
    JobCancelled,
    JobDisabled,
    JobFailed,
    JobNotFound,
    JobTimeout,
    LeaseLost,
    NoDefaultClient,
    NotAStore,
    NotJson,
    NotRun,
    PayloadTooLarge,
    PermanentError,
    ResultTimeout,
    RetryableError,
    SchemaTooNew,
    Snooze,
    StorageUnavailable,
    TaskPaused,
    Unauthorized,
    UnknownStorage,
    UnknownTask,
    UnsupportedByStorage,
    WherryError,
)
from wherry.events import Event
from wherry.handle import JobHandle
from wherry.job import JobState
from wherry.loading import load_tasks
from wherry.messages import Filter
from wherry.observing import LogLine
from wherry.outcome import Failed, Outcome, Succeeded
from wherry.retry import Backoff
from wherry.server import Server
from wherry.storage.open import open_storage
from wherry.task import Task, create_task, task
from wherry.uniqueness import Uniqueness, until_done, while_queued, within
from wherry.views import (
    BlockedJob,
    CancelledJob,
    CompletedJob,
    DisabledJob,
    FailedJob,
    Job,
    PendingJob,
    RunningJob,
    SuspendedJob,
)
from wherry.vitals import WorkerVitals
from wherry.worker import Worker

__version__ = "0.1.0"

__all__ = [
    "Backoff", "BlockedJob", "CancelledJob", "Client", "CompletedJob", "Context", "DisabledJob",
    "DuplicateTask", "Event", "EventTimeout", "EventsMissed", "Failed", "FailedJob", "Filter",
    "Forbidden", "InvalidInput", "InvalidOutput", "Job", "JobCancelled", "JobDisabled", "JobFailed",
    "JobHandle", "JobNotFound", "JobState", "JobTimeout", "LeaseLost", "LogLine", "NoDefaultClient",
    "NotAStore", "NotJson", "NotRun", "Outcome", "Pause", "PayloadTooLarge", "PendingJob",
    "PermanentError", "ResultTimeout", "RetryableError", "RunningJob", "SchemaTooNew", "Server", "Snooze",
    "StorageUnavailable", "Succeeded", "SuspendedJob", "Task", "TaskPaused", "Unauthorized", "Uniqueness",
    "UnknownStorage", "UnknownTask", "UnsupportedByStorage", "WherryError", "Worker", "WorkerBusy",
    "WorkerVitals", "create_task", "load_tasks", "open_storage", "task", "until_done", "while_queued",
    "within",
]  # fmt: skip
