"""wherry: durable jobs and workflows in Python that run the same in a browser tab and on a server."""

from wherry.client import Client
from wherry.context import Context
from wherry.errors import (
    DuplicateTask,
    Forbidden,
    InvalidInput,
    InvalidOutput,
    JobCancelled,
    JobDisabled,
    JobFailed,
    JobNotFound,
    JobTimeout,
    LeaseLost,
    NotAStore,
    NotJson,
    PayloadTooLarge,
    PermanentError,
    ResultTimeout,
    RetryableError,
    SchemaTooNew,
    Snooze,
    StorageUnavailable,
    Unauthorized,
    UnknownStorage,
    UnknownTask,
    UnsupportedByStorage,
    WherryError,
)
from wherry.events import Event
from wherry.handle import JobHandle
from wherry.job import JobState
from wherry.messages import Filter
from wherry.retry import Backoff
from wherry.server import Server, load_tasks
from wherry.storage.open import open_storage
from wherry.task import Task, create_task, task
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
from wherry.worker import Worker

__version__ = "0.1.0"

__all__ = [
    "Backoff", "BlockedJob", "CancelledJob", "Client", "CompletedJob", "Context", "DisabledJob",
    "DuplicateTask", "Event", "FailedJob", "Filter", "Forbidden", "InvalidInput", "InvalidOutput", "Job",
    "JobCancelled", "JobDisabled", "JobFailed", "JobHandle", "JobNotFound", "JobState", "JobTimeout",
    "LeaseLost", "NotAStore", "NotJson", "PayloadTooLarge", "PendingJob", "PermanentError", "ResultTimeout",
    "RetryableError", "RunningJob", "SchemaTooNew", "Server", "Snooze", "StorageUnavailable",
    "SuspendedJob", "Task", "Unauthorized", "UnknownStorage", "UnknownTask", "UnsupportedByStorage",
    "WherryError", "Worker", "create_task", "load_tasks", "open_storage", "task",
]  # fmt: skip
