"""`Client`: submits jobs to a storage and observes what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextvars import Token
from typing import Any, Literal, Protocol, Self, TypeVar, Unpack, overload

from wherry.altering import Altering, Pause, require_id
from wherry.canonical import fingerprint
from wherry.checks import namespaces as checked_namespaces
from wherry.checks import require
from wherry.errors import InvalidInput, JobNotFound, StorageUnavailable
from wherry.events import Emitter, Event, Listener
from wherry.follower import Follower
from wherry.handle import JobHandle
from wherry.hooks import Hook, require_hooks
from wherry.job import JobRow, JobState
from wherry.lookup import Lookup
from wherry.messages import Counts, Filter
from wherry.observing import LogLine, events, read_logs, selection, wait_for_event
from wherry.reasons import why
from wherry.sending import Sender
from wherry.storage.protocol import CountBy, Storage
from wherry.submitting import Submits, default_client
from wherry.task import JobOptions, Registry, Task
from wherry.views import Job
from wherry.vitals import WorkerVitals, read_workers

In = TypeVar("In")
Out = TypeVar("Out")


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
        namespace: where submits go; by default the storage's own.
        namespaces: whose jobs it sees and changes: a list, or "*" for all; by default its one namespace.
            The jobs of others do not exist for it, also when asked for by id.
        tasks: known by name when submitting; others are looked up in the storage's manifest.
        hooks: around each submit and around what `task.now` runs, the first one outside; see `wherry.hooks`.
        on_error: told when following the feed ends by an error while listeners wait; by default the event
            loop's exception handler is, unless the storage was closed here.  The next `on`, `connect` or
            wait follows again.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        namespace: str | None = None,
        namespaces: Sequence[str] | Literal["*"] | None = None,
        tasks: Iterable[Task[Any, Any]] = (),
        hooks: Sequence[Hook] = (),
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        require("client", {"namespace": namespace})
        if namespaces is not None and namespaces != "*" and (problem := checked_namespaces(namespaces)):
            raise InvalidInput("client", [f"namespaces: {problem}; '*' means all"])
        self.storage = storage
        self.namespace: str = getattr(storage, "namespace", "") if namespace is None else namespace
        self.namespaces = _observed(self.namespace, namespaces)
        self._lookup = Lookup(storage, tasks)
        self._altering = Altering(storage, Filter(namespaces=self.namespaces))
        self.run_hooks = require_hooks("client", hooks, "run")
        self._sender = Sender(self, self._lookup, require_hooks("client", hooks, "submit"))
        self._attached: Attachable | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        self._emitter = Emitter()
        self._connected = False
        self._tokens: list[Token[Submits | None]] = []
        self.follower = Follower(storage, self.namespaces, self._emitter, on_error or _tell_loop)

    # --- attached, connected, default ------------------------------------------------------------
    def attach(self, server: Attachable) -> None:
        """Hear of a server in this process and use its tasks by name."""
        self.detach()
        self._attached, self._lookup.attached = server, server.registry
        self._unsubscribe = [server.on(name, self._emitter.emit) for name in ("server_start", "server_stop")]
        self._follow_for_listeners()

    def detach(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe, self._attached, self._lookup.attached = [], None, None

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
                `deadline` aware datetimes; `max_attempts`; `run_id`, `tags` to find it by; `unique` a key or
                a policy: while a job of this task holds it, that one is returned; `after` jobs that must
                complete first; `ordering_key`: jobs of one key, of whatever task, run one at a time in the
                order of `submit` (None: in no order, though the task has a key); `id` of your own.

        Raises: `UnknownTask`, `InvalidInput`, `NotJson`, `PayloadTooLarge`, `JobNotFound` (in `after`).
        """
        return (await self._sender.send(task, (input,), options))[0]

    async def submit_many(
        self, task: Task[In, Out], inputs: Iterable[In], /, **options: Unpack[JobOptions]
    ) -> list[JobHandle[Out]]:
        """Store many jobs of one task; handles in the order of the inputs.

        All inputs are checked before the first is stored.  Raises: what `submit` raises.
        """
        return await self._sender.send(task, tuple(inputs), options)

    # --- observe -----------------------------------------------------------------------------------
    def handle(self, job_id: str, task: Task[Any, Out] | None = None) -> JobHandle[Out]:
        """A handle on a job that was submitted elsewhere."""
        require_id(job_id)
        return JobHandle(self, job_id, task)

    @overload
    async def get(self, job_id: str, /) -> Job[Any, Any]: ...
    @overload
    async def get(self, job_id: str, /, task: Task[In, Out] | None) -> Job[In, Out]: ...
    async def get(self, job_id: str, /, task: Any = None) -> Any:
        """One job as it stands.  Raises: `JobNotFound`."""
        return self._lookup.view(await self._row(job_id), task)

    async def _row(self, job_id: str) -> JobRow:
        require_id(job_id)
        row = (await self.storage.get([job_id])).get(job_id)
        if row is None or (self.namespaces and row.namespace not in self.namespaces):
            raise JobNotFound(job_id)
        return row

    async def query(
        self, where: Filter | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[list[Job[Any, Any]], str | None]:
        """A page of this client's jobs, newest first, and the cursor of the next page."""
        require("query", {"limit": limit, "cursor": cursor})
        rows, after = await self.storage.query(self._mine(where), limit=limit, cursor=cursor)
        return [self._lookup.view(row) for row in rows], after

    async def get_run(self, run_id: str, *, limit: int = 1000) -> list[Job[Any, Any]]:
        """The jobs submitted under one `run_id`, oldest first."""
        return (await self.query(Filter(run_id=run_id, oldest_first=True), limit=limit))[0]

    async def peek(self, state: JobState | str = JobState.PENDING, limit: int = 10) -> list[Job[Any, Any]]:
        """The oldest jobs in a state."""
        return (await self.query(Filter(states=(_state(state),), oldest_first=True), limit=limit))[0]

    async def size(self, state: JobState | str | None = None) -> int:
        """How many jobs are in a state now (leased ones are running), or in all."""
        where = Filter() if state is None else Filter(states=(_state(state),))
        return (await self.count(where)).get((), 0)

    async def count(self, where: Filter | None = None, *, by: Sequence[CountBy] = ()) -> Counts:
        """Numbers of jobs by the named fields: `state`, `queue`, `task`."""
        require("count", {"by": by})
        return await self.storage.count(self._mine(where), by=by)

    async def output_for(self, task: Task[In, Out], input: In) -> Out | None:
        """The output of the newest completed job of this task with the same input, or None."""
        digest = fingerprint(task.dump_input(input)[1])
        where = Filter(states=("completed",), tasks=(task.name,), fingerprint=digest)
        rows, _ = await self.storage.query(self._mine(where), limit=1)
        return self._lookup.load_output(rows[0], task) if rows else None

    async def wait_for(self, job_id: str, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the public name
        """The output of any job by its id; see `JobHandle.result`."""
        handle: JobHandle[Any] = self.handle(job_id)
        return await handle.result(timeout)

    async def why(self, job_id: str) -> str:
        """One sentence that says why a job is not running, or what became of it.  Raises: `JobNotFound`."""
        return await why(self.storage, await self._row(job_id))

    async def logs(self, job_id: str) -> list[LogLine]:
        """What the job's attempts said with `context.log`, oldest first.  Raises: `JobNotFound`."""
        await self._row(job_id)
        return await read_logs(self.storage, job_id)

    async def workers(self) -> list[WorkerVitals]:
        """The workers that serve this storage now, by name; those of bare `Worker`s do not tell."""
        return await read_workers(self.storage)

    # --- change ------------------------------------------------------------------------------------
    async def cancel(self, job_id: str) -> bool:
        """Cancel a job, or ask a running one to stop.  False if it was final or asked already.

        Raises: `JobNotFound`.
        """
        return await self._altering.one(job_id, "cancel")

    async def cancel_run(self, run_id: str) -> int:
        """Cancel all jobs of a run; how many were cancelled or asked."""
        return await self._altering.many(Filter(run_id=run_id), "cancel")

    async def retry(self, job_id: str) -> bool:
        """Put a failed, cancelled or disabled job back, its history kept.  Raises: `JobNotFound`."""
        return await self._altering.one(job_id, "requeue")

    async def retry_many(self, where: Filter | None = None, *, limit: int | None = None) -> int:
        """Put jobs back, oldest first, in batches; how many.

        Args:
            where: by default every failed job, the dead letters.  Completed jobs are never put back.
            limit: at most so many.
        """
        return await self._altering.many(where or Filter(states=("failed",)), "requeue", limit=limit)

    async def disable(self, job_id: str) -> bool:
        """End an unfinished job as `disabled`; to disable a task, `pause` it.  Raises: `JobNotFound`."""
        return await self._altering.one(job_id, "disable")

    async def delete(self, job_id: str) -> bool:
        """Remove a final job and what belongs to it; False while it is unfinished.  Raises: `JobNotFound`."""
        return await self._altering.one(job_id, "remove")

    async def delete_many(self, where: Filter, *, limit: int | None = None) -> int:
        """Remove the final jobs that match, oldest first, in batches; how many."""
        return await self._altering.many(where, "remove", limit=limit)

    async def pause(self, *, queue: str | None = None, task: str | None = None) -> None:
        """Let no job of a queue or of a task start, in this namespace, until `resume`, restarts included.

        Jobs are still accepted, and those that run go on.  Pausing a task is what disables it.
        """
        await self._altering.pause(self.namespace, queue=queue, task=task)

    async def resume(self, *, queue: str | None = None, task: str | None = None) -> bool:
        """Let its jobs start again; False when it was not paused.  Workers notice within 5 s."""
        return await self._altering.resume(self.namespace, queue=queue, task=task)

    async def paused(self) -> list[Pause]:
        """The queues and tasks that are paused."""
        return await self._altering.paused()

    # --- events ------------------------------------------------------------------------------------
    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event of that name while attached or connected; returns what ends it."""
        self._emitter.on(name, listener)
        self._follow_for_listeners()
        return lambda: self.off(name, listener)

    def once(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` for the next event of that name only."""

        def hear(event: Event) -> object:
            stop()
            return listener(event)

        stop = self.on(name, hear)
        return stop

    def off(self, name: str, listener: Listener) -> None:
        self._emitter.off(name, listener)
        self.follower.rest()

    async def heard(self) -> None:
        """Return once the first events of what is submitted next cannot pass unheard by listeners."""
        if self._attached is not None and self._emitter.listening:
            await self.follower.ready()

    def _follow_for_listeners(self) -> None:
        if self._attached is not None or self._connected:
            self.follower.poke()

    async def wait_for_event(
        self,
        name: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the public name
        *,
        where: Callable[[Event], object] | None = None,
    ) -> Event:
        """The next event of that name, from now on.

        Args:
            timeout: seconds; None waits as long as it takes.
            where: only an event for which this is true.

        Raises: `EventTimeout`; `StorageUnavailable` when following ends.
        """
        return await wait_for_event(self.follower, self._emitter, name, timeout, where)

    def events(
        self, *, queue: str | None = None, names: Sequence[str] | None = None, since: str | None = None
    ) -> AsyncGenerator[Event]:
        """Job events of this client's namespaces in commit order, from now on or from where one left off.

        Args:
            queue: only of this queue.
            names: only these; `server_start` and `server_stop` are heard with `on`.
            since: the `cursor` of an event: goes on behind it.  Some may come twice, none is missed.

        Raises, while iterating: `EventsMissed` when the cursor is too old; what the storage raises.
        """
        return events(self.storage, selection(self.namespaces, queue, names, since), since)

    # --- values --------------------------------------------------------------------------------------
    def load_output(self, row: JobRow, task: Task[Any, Any] | None = None) -> Any:
        """The output of a completed row in its task's own type, where that is known."""
        return self._lookup.load_output(row, task)

    def _mine(self, where: Filter | None) -> Filter:
        return self._altering.narrowed(where or Filter())


def _observed(namespace: str, namespaces: Sequence[str] | None) -> tuple[str, ...]:
    """The namespaces of a filter; none means all."""
    if namespaces is None:
        return (namespace,)
    return () if namespaces == "*" else tuple(dict.fromkeys(namespaces))


def _state(state: JobState | str) -> Any:
    try:
        return JobState(state).value
    except ValueError:
        raise InvalidInput("state", [f"{state!r} is none; there are {', '.join(JobState)}"]) from None


def _tell_loop(error: Exception) -> None:
    if isinstance(error, StorageUnavailable):
        return  # the storage was closed in this process: whoever did that knows it
    asyncio.get_running_loop().call_exception_handler(
        {"message": "a wherry client stopped following its storage", "exception": error}
    )
