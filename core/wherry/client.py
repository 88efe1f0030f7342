"""`Client`: submits jobs to a storage and observes what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextvars import Token
from dataclasses import replace
from typing import Any, Protocol, Self, TypeVar, Unpack, cast, overload

from wherry.canonical import fingerprint
from wherry.errors import InvalidInput, JobNotFound, UnknownTask
from wherry.events import Emitter, Listener
from wherry.follower import Follower
from wherry.handle import JobHandle
from wherry.job import JobRow, JobState
from wherry.messages import Alteration, Counts, Filter, NewJob
from wherry.storage.protocol import CountBy, Storage
from wherry.submission import ManifestEntry, batches, new_jobs
from wherry.submitting import Submits, default_client
from wherry.task import Defaults, JobOptions, Registry, Task
from wherry.views import Job, view

In = TypeVar("In")
Out = TypeVar("Out")

_BATCH = 512


class Attachable(Protocol):
    """What a client wants of a server in its own process."""

    @property
    def registry(self) -> Registry: ...
    def on(self, name: str, listener: Listener) -> Callable[[], None]: ...


class Client:
    """Submits to one storage and observes it.

    A bare `Client(storage)` is enough to submit and to await results: it follows the feed while
    somebody waits.  `connect()` follows it always, for listeners; `attach(server)` also hears of
    that server's own events and knows its tasks by name.

    Args:
        storage: an entered storage.
        namespace: whose jobs; by default the storage's own.
        tasks: known by name when submitting; others are looked up in the storage's manifest.
    """

    def __init__(
        self, storage: Storage, *, namespace: str | None = None, tasks: Iterable[Task[Any, Any]] = ()
    ) -> None:
        self.storage = storage
        self.namespace: str = getattr(storage, "namespace", "") if namespace is None else namespace
        self._registry = Registry(tasks)
        self._attached: Attachable | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        self._emitter = Emitter()
        self._connected = False
        self._tokens: list[Token[Submits | None]] = []
        self.follower = Follower(storage, (self.namespace,), self._emitter)

    # --- attached, connected, default ------------------------------------------------------------
    def attach(self, server: Attachable) -> None:
        """Hear of a server in this process and use its tasks by name."""
        self.detach()
        self._attached = server
        self._unsubscribe = [server.on(name, self._emitter.emit) for name in ("server_start", "server_stop")]
        self._follow_for_listeners()

    def detach(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe, self._attached = [], None

    async def connect(self) -> None:
        """Follow the storage's feed until `disconnect`, across processes, tabs and machines."""
        if not self._connected:
            self._connected = True
            await self.follower.keep()

    async def disconnect(self) -> None:
        """Stop following.  Those who still wait get `StorageUnavailable`; their jobs go on."""
        if self._connected:
            self._connected = False
            self.follower.release()
        await self.follower.close()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.detach()
        await self.disconnect()

    def make_default(self) -> None:
        """Let `task.later` submit through this client, in this context and those copied from it."""
        default_client.set(self)

    def __enter__(self) -> Self:
        self._tokens.append(default_client.set(self))
        return self

    def __exit__(self, *exc: object) -> None:
        default_client.reset(self._tokens.pop())

    # --- submit ------------------------------------------------------------------------------------
    @overload
    async def submit(
        self, task: str, input: object = ..., /, **options: Unpack[JobOptions]
    ) -> JobHandle[Any]: ...
    @overload
    async def submit(self, task: Task[None, Out], /, **options: Unpack[JobOptions]) -> JobHandle[Out]: ...
    @overload
    async def submit(
        self, task: Task[In, Out], input: In, /, **options: Unpack[JobOptions]
    ) -> JobHandle[Out]: ...
    async def submit(self, task: Any, input: Any = None, /, **options: Unpack[JobOptions]) -> JobHandle[Any]:
        """Store one job; when this returns it outlives what the storage's durability says.

        Args:
            task: a task, or the name of one that is known here or to the storage's manifest.
            input: checked against the task's types, or its schema.
            options: `priority` -1000..1000, lower first; `delay`, `timeout` in seconds; `run_at`,
                `deadline` aware datetimes; `max_attempts`; `run_id`, `tags` to find it by; `unique` key:
                while a job of this task holds it, that one is returned; `after` jobs that must complete
                first; `ordering_key`: jobs of one key, of whatever task, run one at a time in the order of
                `submit` (None: in no order, though the task has a key); `id` of your own.

        Raises: `UnknownTask`, `InvalidInput`, `NotJson`, `PayloadTooLarge`, `JobNotFound` (in `after`).
        """
        handles = await self._submit(task, (input,), options)
        return handles[0]

    async def submit_many(
        self, task: Task[In, Out], inputs: Iterable[In], /, **options: Unpack[JobOptions]
    ) -> list[JobHandle[Out]]:
        """Store many jobs of one task; handles in the order of the inputs.

        All inputs are checked before the first is stored.  Raises: what `submit` raises.
        """
        return await self._submit(task, tuple(inputs), options)

    async def _submit(self, task: Any, inputs: Sequence[Any], options: JobOptions) -> list[JobHandle[Any]]:
        known, source, defaults = await self._resolve(task)
        limit = self.storage.capabilities.max_payload
        texts = [source.dump_input(value) for value in inputs]
        jobs = new_jobs(defaults, texts, options, namespace=self.namespace, max_payload=limit)
        if self._attached is not None and self._emitter.listening:
            await self.follower.ready()  # or the first events of these jobs could pass unheard
        handles: list[JobHandle[Any]] = []
        for batch in batches(jobs):
            handles += await self._add(batch, known)
        return handles

    async def _add(self, jobs: Sequence[NewJob], known: Task[Any, Any] | None) -> list[JobHandle[Any]]:
        handles: list[JobHandle[Any]] = []
        for job, (standing, verdict) in zip(jobs, await self.storage.add(jobs), strict=True):
            if verdict == "refused":
                parents = await self.storage.get([edge.parent for edge in job.after])
                raise JobNotFound(next((e.parent for e in job.after if e.parent not in parents), job.id))
            handles.append(JobHandle(self, standing, known, standing if verdict == "duplicate" else None))
        return handles

    async def _resolve(
        self, task: Any
    ) -> tuple[Task[Any, Any] | None, Task[Any, Any] | ManifestEntry, Defaults]:
        if isinstance(task, str):
            known = self._find(task)
            if known is None:
                entry = await self._in_manifest(task)
                return None, entry, entry.defaults
            task = known
        if not isinstance(task, Task):
            raise InvalidInput(
                "submit", [f"task: {task!r} is neither a task nor a name; decorate it with @task"]
            )
        one = cast("Task[Any, Any]", task)
        return one, one, one.defaults

    def _find(self, name: str) -> Task[Any, Any] | None:
        return self._registry.find(name) or (self._attached.registry.find(name) if self._attached else None)

    async def _in_manifest(self, name: str) -> ManifestEntry:
        records = await self.storage.read("task", prefix=name)
        for record in records:
            if record.key == name:
                return ManifestEntry(record.value)
        raise UnknownTask(name, [record.key for record in await self.storage.read("task")])

    # --- observe -----------------------------------------------------------------------------------
    def handle(self, job_id: str, task: Task[Any, Out] | None = None) -> JobHandle[Out]:
        """A handle on a job that was submitted elsewhere."""
        return JobHandle(self, job_id, task)

    @overload
    async def get(self, job_id: str, /) -> Job[Any, Any]: ...
    @overload
    async def get(self, job_id: str, /, task: Task[In, Out] | None) -> Job[In, Out]: ...
    async def get(self, job_id: str, /, task: Any = None) -> Any:
        """One job as it stands.  Raises: `JobNotFound`."""
        row = (await self.storage.get([job_id])).get(job_id)
        if row is None:
            raise JobNotFound(job_id)
        return self._view(row, task)

    async def query(
        self, where: Filter | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[list[Job[Any, Any]], str | None]:
        """A page of this namespace's jobs, newest first, and the cursor of the next page."""
        rows, after = await self.storage.query(self._mine(where or Filter()), limit=limit, cursor=cursor)
        return [self._view(row) for row in rows], after

    async def get_run(self, run_id: str, *, limit: int = 1000) -> list[Job[Any, Any]]:
        """The jobs submitted under one `run_id`, oldest first."""
        return (await self.query(Filter(run_id=run_id, oldest_first=True), limit=limit))[0]

    async def peek(self, state: JobState | str = JobState.PENDING, limit: int = 10) -> list[Job[Any, Any]]:
        """The oldest jobs in a state."""
        return (await self.query(Filter(states=(JobState(state).value,), oldest_first=True), limit=limit))[0]

    async def size(self, state: JobState | str | None = None) -> int:
        """How many jobs are in a state now (leased ones are running), or in all."""
        where = Filter() if state is None else Filter(states=(JobState(state).value,))
        return (await self.count(where)).get((), 0)

    async def count(self, where: Filter | None = None, *, by: Sequence[CountBy] = ()) -> Counts:
        """Numbers of jobs by the named fields."""
        return await self.storage.count(self._mine(where or Filter()), by=by)

    async def output_for(self, task: Task[In, Out], input: In) -> Out | None:
        """The output of the newest completed job of this task with the same input, or None."""
        digest = fingerprint(task.dump_input(input)[1])
        where = Filter(states=("completed",), tasks=(task.name,), fingerprint=digest)
        rows, _ = await self.storage.query(self._mine(where), limit=1)
        return self.load_output(rows[0], task) if rows else None

    async def wait_for(self, job_id: str, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the public name
        """The output of any job by its id; see `JobHandle.result`."""
        handle: JobHandle[Any] = self.handle(job_id)
        return await handle.result(timeout)

    # --- change ------------------------------------------------------------------------------------
    async def cancel(self, job_id: str) -> bool:
        """Cancel a job, or ask a running one to stop.  False if it was final or asked already.

        Raises: `JobNotFound`.
        """
        return await self._alter(job_id, "cancel")

    async def cancel_run(self, run_id: str) -> int:
        """Cancel all jobs of a run; how many were cancelled or asked."""
        total = 0
        while changed := await self.storage.alter(self._mine(Filter(run_id=run_id)), "cancel", limit=_BATCH):
            total += len(changed)
        return total

    async def retry(self, job_id: str) -> bool:
        """Put a failed, cancelled or disabled job back, its history kept.  Raises: `JobNotFound`."""
        return await self._alter(job_id, "requeue")

    async def disable(self, job_id: str) -> bool:
        """End an unfinished job as `disabled`.  Raises: `JobNotFound`."""
        return await self._alter(job_id, "disable")

    async def delete(self, job_id: str) -> bool:
        """Remove a final job and what belongs to it; False while it is unfinished.  Raises: `JobNotFound`."""
        return await self._alter(job_id, "remove")

    async def _alter(self, job_id: str, change: Alteration) -> bool:
        if await self.storage.alter(self._mine(Filter(ids=(job_id,))), change, limit=1):
            return True
        if job_id not in await self.storage.get([job_id]):
            raise JobNotFound(job_id)
        return False

    # --- events ------------------------------------------------------------------------------------
    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event of that name while attached or connected; returns what ends it."""
        stop = self._emitter.on(name, listener)
        self._follow_for_listeners()
        return stop

    def _follow_for_listeners(self) -> None:
        if self._attached is not None or self._connected:
            self.follower.poke()

    def off(self, name: str, listener: Listener) -> None:
        self._emitter.off(name, listener)

    # --- values --------------------------------------------------------------------------------------
    def load_output(self, row: JobRow, task: Task[Any, Any] | None = None) -> Any:
        """The output of a completed row in its task's own type, where that is known."""
        known = task or self._find(row.task)
        text = row.output if row.output is not None else "null"
        return known.load_output(text) if known else json.loads(text)

    def _view(self, row: JobRow, task: Task[Any, Any] | None = None) -> Job[Any, Any]:
        known = task or self._find(row.task)
        value = known.load_input(row.input) if known else json.loads(row.input)
        return view(row, value, self.load_output(row, known) if row.state == "completed" else None)

    def _mine(self, where: Filter) -> Filter:
        return where if where.namespaces else replace(where, namespaces=(self.namespace,))
