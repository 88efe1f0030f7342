"""Python's part of the executor: the worker, nested in a tab's keeper, in which jobs run.

`executor.js` starts it and speaks to it in strings; nothing here imports a browser module, so that it
runs in any Python.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any, Protocol

from wherry.attempt import StopReason
from wherry.errors import JobTimeout
from wherry.job import JobRow
from wherry.messages import Claimed, Report
from wherry.server import Server
from wherry.storage.joined import JoinedStorage
from wherry.storage.open import open_storage
from wherry.task import Task
from wherry.worker import Worker
from wherry_web.guest import Guest
from wherry_web.server_storage import ServerStorage

TASKS = "/home/pyodide/tasks"
ENTRY_POINTS = "wherry.tasks"


class Bridge(Protocol):
    """Tells the keeper; each call posts one message, which leaves even if this thread then blocks."""

    def enter(self, job_id: str, fence: int, blocks: bool, /) -> int:
        """The number under which this attempt can be interrupted."""
        ...

    def leave(self, job_id: str, fence: int, /) -> None: ...
    def report(self, text: str, /) -> None: ...

    def asked(self) -> str:
        """JSON `[number, reason]`: which attempt is to be interrupted, and why."""
        ...


class KeeperWatch:
    """Lets the keeper time and interrupt what runs, and write the progress of code that blocks."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._blocking: str | None = None
        self._inside: dict[int, tuple[Claimed, asyncio.Task[Any] | None]] = {}
        self._numbers: dict[tuple[str, int], int] = {}

    def enter(self, job: Claimed, *, blocking: bool) -> None:
        if blocking:
            self._blocking = job.id
        number = self._bridge.enter(job.id, job.fence, blocking)
        self._inside[number] = (job, asyncio.current_task())
        self._numbers[job.id, job.fence] = number

    def leave(self, job: Claimed) -> None:
        if self._blocking == job.id:
            self._blocking = None
        del self._inside[self._numbers.pop((job.id, job.fence))]
        self._bridge.leave(job.id, job.fence)

    def report(self, news: Report) -> None:
        # Its log lines and steps are written once, when the thread is free again.
        progress = {"percent": news.percent, "message": news.message, "details": news.details}
        told = {name: value for name, value in progress.items() if value is not None}
        if told and news.id == self._blocking:
            self._bridge.report(json.dumps({"id": news.id, "fence": news.fence, **told}))

    def interrupted(self) -> tuple[Claimed, StopReason] | None:
        """The attempt that is to be interrupted, if it is what this thread runs right now."""
        number, reason = json.loads(self._bridge.asked())
        job, task = self._inside.get(number, (None, None))
        return None if job is None or asyncio.current_task() is not task else (job, reason)


class Executor:
    """The tasks of a tab and the server that runs them."""

    def __init__(self, bridge: Bridge) -> None:
        self._watch = KeeperWatch(bridge)
        self._tasks: list[Task[Any, Any]] = []
        self._storage: Any = None
        self._worker: Worker | None = None
        self._running: Server | Worker | Guest | None = None

    def import_tasks(self, modules: str) -> str:
        """Import task modules.

        Args:
            modules: a JSON list of dotted names; `*NAME` means the task modules of the distribution NAME.

        Returns:
            JSON: `{}` when all is well, `{"missing": {"name", "module"}}` for an import that is not there,
            `{"error": {"code", "message", "traceback"}}` when a module is wrong.
        """
        if TASKS not in sys.path:
            sys.path.insert(0, TASKS)
        importlib.invalidate_caches()
        current = ""
        try:
            found: dict[int, Task[Any, Any]] = {}
            for current in expand(json.loads(modules)):
                found |= tasks_in(importlib.import_module(current))
            self._tasks = list(found.values())
            require_types(self._tasks)
        except ModuleNotFoundError as error:
            return json.dumps({"missing": {"name": error.name or str(error), "module": current}})
        except Exception as error:
            return _problem(f"the task module {current} cannot be imported: {type(error).__name__}: {error}")
        if not self._tasks:
            return _problem("no task is in the modules of `tasks`: decorate a function with @task.")
        return "{}"

    async def start(self, options: str) -> str:
        """Tell the manifest and begin to claim.

        Args:
            options: JSON: `worker url concurrency lease` (s); `keep` (see `kept`); `isolated`: whether it
                claims the tasks with `isolation="worker"`, and nothing else; `server` when it works for one,
                with its `url store_id capabilities` and the `queues` to claim from.

        Returns:
            JSON, names of tasks: all `tasks`; those `isolated`; `final_timeouts`, those whose own policy does
            not try again after a timeout.
        """
        given = json.loads(options)
        server = given.get("server")
        self._storage = JoinedStorage(ServerStorage(server)) if server else open_storage(given["url"])
        await self._storage.__aenter__()
        self._running = self._guest(given) if server else self._host(given)
        self._worker = self._running if isinstance(self._running, Worker) else self._running.worker
        await self._running.start()
        with suppress(ValueError):  # there are no signals off the main thread, in Pythons that have threads
            signal.signal(signal.SIGINT, self._interrupt)
        late = JobTimeout("")
        return json.dumps(
            {
                "tasks": [task.name for task in self._tasks],
                "isolated": [task.name for task in self._tasks if task.isolation == "worker"],
                "final_timeouts": [task.name for task in self._tasks if task.gives_up(late)],
            }
        )

    def _guest(self, given: dict[str, Any]) -> Guest:
        return Guest(self._storage, self._tasks, queues=given["server"]["queues"], **self._common(given))

    def _host(self, given: dict[str, Any]) -> Server | Worker:
        isolated = bool(given["isolated"])
        server = Server(
            self._storage,
            self._tasks,
            claims=lambda task: (task.isolation == "worker") == isolated,
            patience=left_to_keepers(given["lease"]),
            **kept(given["keep"]),
            **self._common(given),
        )
        # Manifest, sweeper and retention are the business of one executor of a tab.
        return server.worker if isolated else server

    def _common(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "concurrency": given["concurrency"],
            "lease": given["lease"],
            "watch": self._watch,
            "name": given["worker"],
        }

    def stop_job(self, job_id: str, fence: int, reason: StopReason) -> None:
        """Stop one attempt, if it is still that one."""
        if self._worker is not None:
            self._worker.stop_job(job_id, fence, reason)

    def _interrupt(self, *_: object) -> None:
        """The keeper's signal: end the code that blocks, if it is still the one that was meant."""
        found = self._watch.interrupted()
        if found is not None:
            job, reason = found
            self.stop_job(job.id, job.fence, reason)
            raise asyncio.CancelledError

    async def drain(self, seconds: float) -> None:
        """Claim no more and wait for what runs, at most so long; the keeper hands the rest back."""
        if self._running is not None:
            stopping = asyncio.ensure_future(self._running.stop())
            await asyncio.wait((stopping,), timeout=seconds)


def left_to_keepers(lease_s: float) -> Callable[[JobRow], int]:
    """How long the sweeper leaves a tab's lapsed lease to the keepers.

    They see whether the tab is frozen or gone, and then its attempt is not charged.  They look each third of
    a lease, wait two seconds for an answer, and before that need the office if it was its holder who froze.
    """
    patience_ms = round(lease_s * 1000 / 3) + 10_000
    return lambda row: patience_ms if (row.worker or "").startswith("tab:") else 0


def kept(keep: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Options of a `Server` from `{state: {"seconds", "jobs"}}`, which is `keep` of `open()`."""
    endings = {"completed": "completion", "failed": "failure", "cancelled": "cancellation"}
    options: dict[str, Any] = {}
    for state, limits in keep.items():
        options[f"delete_after_{endings[state]}"] = limits.get("seconds")
        options[f"keep_{state}"] = limits.get("jobs")
    return options


def expand(modules: Sequence[str]) -> list[str]:
    """Dotted names, those of distributions replaced by the task modules in them."""
    return [
        name for module in modules for name in (task_modules(module[1:]) if module[0] == "*" else [module])
    ]


def task_modules(distribution: str) -> list[str]:
    """What a wheel names as entry points of the group `wherry.tasks`; without any, all its modules."""
    found = metadata.distribution(distribution)
    named = [point.module for point in found.entry_points if point.group == ENTRY_POINTS]
    return named or sorted(modules_of(str(file) for file in found.files or ()))


def modules_of(files: Iterable[str]) -> set[str]:
    paths = [PurePosixPath(file) for file in files]
    dotted = [path.with_suffix("").parts for path in paths if path.suffix == ".py"]
    names = {".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in dotted}
    return {name for name in names if name and not name.endswith("__main__")}


def tasks_in(module: ModuleType) -> dict[int, Task[Any, Any]]:
    found: list[Task[Any, Any]] = [one for one in vars(module).values() if isinstance(one, Task)]
    return {id(one): one for one in found}


def require_types(tasks: Iterable[Task[Any, Any]]) -> None:
    """Raises `ModuleNotFoundError` when a task's annotations need pydantic and it is not loaded."""
    for task in tasks:
        signature = task.signature
        annotations = (signature.input_annotation(), signature.output_annotation())
        if any(one not in (Any, object) for one in annotations):
            importlib.import_module("pydantic")
            return


def _problem(message: str) -> str:
    text = traceback.format_exc(limit=-8) if sys.exc_info()[0] else ""
    return json.dumps({"error": {"code": "task_module", "message": message, "traceback": text}})
