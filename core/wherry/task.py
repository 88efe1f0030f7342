"""Tasks: a function, its name, its types and its defaults."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    Unpack,
    overload,
)

from wherry.checks import require
from wherry.context import Context
from wherry.errors import DuplicateTask, InvalidInput, InvalidOutput, JobTimeout, RetryableError, UnknownTask
from wherry.messages import PRIORITY_STEP_MS, Payload
from wherry.options import AGING_STEP_MS, Defaults, JobOptions, Place, TaskOptions
from wherry.outcome import Outcome
from wherry.retry import Backoff
from wherry.signature import Signature
from wherry.submitting import current_client
from wherry.uniqueness import policy_of
from wherry.validation import Checker, Mismatch

if TYPE_CHECKING:
    from wherry.handle import JobHandle

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Task(Generic[In_contra, Out_co]):
    """A typed unit of work.  Make one with `@task`; calling it is calling the plain function."""

    def __init__(self, fn: Callable[..., Any], name: str | None, options: TaskOptions) -> None:
        self.signature = Signature(fn)
        self.fn = fn
        self.name = self.signature.name if name is None else name
        require(f"task {self.name!r}", {"name": self.name, **options})
        if not isinstance(options.get("retry", Backoff()), Backoff):  # pyright: ignore[reportUnnecessaryIsInstance] - a number is the commonest slip
            raise InvalidInput(
                f"task {self.name!r}", [f"retry: must be a Backoff, not {options.get('retry')!r}"]
            )
        self._options = options
        self.queue = options.get("queue", "default")
        self.max_attempts = options.get("max_attempts", 4)
        self.timeout = options.get("timeout")
        self.retry = options.get("retry", Backoff())
        self._retry_on = options.get("retry_on")
        self._never_retry = tuple(options.get("never_retry", ()))
        self.priority = options.get("priority", 0)
        self.isolation = options.get("isolation")
        self.place: Place = options.get("place", "server" if self.isolation == "process" else "either")
        self.tags = tuple(options.get("tags", ()))
        self.ordering_key = options.get("ordering_key")
        self.unique = policy_of(options.get("unique"))
        self.priority_step_ms = AGING_STEP_MS if options.get("aging") else PRIORITY_STEP_MS
        if self.isolation == "process" and self.place != "server":
            problem = f"place: isolation='process' is for servers, leave {self.place!r} out or use 'worker'"
            raise InvalidInput(f"task {self.name!r}", [problem])
        self._input = Checker(self.signature.input_annotation, self.signature.input_name or "input")
        self._output = Checker(self.signature.output_annotation, "output")

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fn(*args, **kwargs)

    def options(
        self, *, name: str | None = None, **overrides: Unpack[TaskOptions]
    ) -> Task[In_contra, Out_co]:
        """The same function with other defaults."""
        return Task(self.fn, self.name if name is None else name, {**self._options, **overrides})

    @overload
    async def later(self: Task[None, Out], /, **options: Unpack[JobOptions]) -> JobHandle[Out]: ...
    @overload
    async def later(self, input: In_contra, /, **options: Unpack[JobOptions]) -> JobHandle[Out_co]: ...
    async def later(self, input: Any = None, /, **options: Unpack[JobOptions]) -> Any:
        """Submit through the default client (`client.make_default()` or `with client:`).

        Raises: `NoDefaultClient`, and what `Client.submit` raises.
        """
        return await current_client().submit(self, input, **options)

    @overload
    async def now(self: Task[None, Out], /, *, persist: bool = ...) -> Outcome[Out]: ...
    @overload
    async def now(self, input: In_contra, /, *, persist: bool = ...) -> Outcome[Out_co]: ...
    async def now(self, input: Any = None, /, *, persist: bool = True) -> Any:
        """Run here and now, once, and say how it went: `if outcome.error is None: outcome.output`.

        Args:
            input: checked as in a submit.
            persist: store it as a finished job through the default client.  Uniqueness does not apply.

        Raises: `InvalidInput`, `NotJson`; with `persist` also `NoDefaultClient`, `PayloadTooLarge`,
            `TaskPaused`.  What the handler raises is the outcome's `error`.
        """
        return await _running().run_now(self, input, persist=persist)

    async def batch(
        self,
        inputs: Iterable[In_contra],
        *,
        concurrency: int = 5,
        stop_on_error: bool = False,
        persist: bool = True,
    ) -> list[Outcome[Out_co]]:
        """Run many here and now, at most `concurrency` at once; one outcome an input, in input order.

        A failure, also an input that does not fit, is an outcome like any other.

        Args:
            stop_on_error: the first failure cancels those that run (`status` "cancelled") and starts no more
                ("not_run").

        Raises: `NoDefaultClient`, `TaskPaused`.
        """
        return await _running().run_batch(
            self, inputs, concurrency=concurrency, stop_on_error=stop_on_error, persist=persist
        )

    def gives_up(self, error: BaseException) -> bool:
        """Whether the task's own policy says that trying again cannot help."""
        if isinstance(error, self._never_retry):
            return True
        if self._retry_on is None:
            return False
        return not isinstance(error, (*self._retry_on, RetryableError, JobTimeout))

    # --- values in and out -----------------------------------------------------------------------
    def dump_input(self, value: object) -> tuple[Payload, Any]:
        """JSON text of an input and the plain value it says.  Raises: `InvalidInput`, `NotJson`."""
        try:
            return self._input.dump(value)
        except Mismatch as mismatch:
            raise InvalidInput(self.name, mismatch.problems) from None

    def load_input(self, text: Payload) -> Any:
        """The input as the handler wants it.  Raises: `InvalidInput`."""
        try:
            return self._input.load(text)
        except Mismatch as mismatch:
            raise InvalidInput(self.name, mismatch.problems) from None

    def dump_output(self, value: object) -> Payload:
        """Raises: `InvalidOutput`, `NotJson`."""
        try:
            return self._output.dump(value)[0]
        except Mismatch as mismatch:
            raise InvalidOutput(self.name, mismatch.problems) from None

    def load_output(self, text: Payload) -> Any:
        try:
            return self._output.load(text)
        except Mismatch as mismatch:
            raise InvalidOutput(self.name, mismatch.problems) from None

    def manifest(self) -> Payload:
        """What a submitter without this code needs to know (T11): defaults as data, JSON Schema, place."""
        facts = {**self.defaults._asdict(), "schema": self._input.schema()}
        facts["unique"] = self.unique.as_data() if self.unique else None
        return json.dumps(facts, sort_keys=True)

    @cached_property
    def defaults(self) -> Defaults:
        """Made once: the hash of the code is read from its source."""
        return Defaults(
            name=self.name,
            queue=self.queue,
            max_attempts=self.max_attempts,
            backoff=self.retry.as_payload(),
            timeout_ms=None if self.timeout is None else max(1, round(self.timeout * 1000)),
            priority=self.priority,
            priority_step_ms=self.priority_step_ms,
            place=self.place,
            tags=self.tags,
            code_hash=self.signature.code_hash(),
            ordering_key=self.ordering_key,
            unique=self.unique,
        )


def _running() -> Any:
    """By name, because what runs a task stands above it."""
    return importlib.import_module("wherry.now")


# The parameter NAME `context` is what tells "only a Context" from "one input".
class _AsyncOnlyContext(Protocol[Out_co]):
    def __call__(self, context: Context) -> Coroutine[Any, Any, Out_co]: ...


class _OnlyContext(Protocol[Out_co]):
    def __call__(self, context: Context) -> Out_co: ...


class _AsyncExecutes(Protocol[In_contra, Out_co]):
    async def execute(self, input: In_contra, context: Context, /) -> Out_co: ...


class _Executes(Protocol[In_contra, Out_co]):
    def execute(self, input: In_contra, context: Context, /) -> Out_co: ...


class _TaskFactory:
    """`@task` and `@task(queue=...)` are the same object: calling it with options returns another.

    The order of the overloads matters: the narrower shape first, or pyright picks the wider.
    """

    def __init__(self, name: str | None = None, options: TaskOptions | None = None) -> None:
        self._name, self._options = name, options or {}

    @overload
    def __call__(self, cls: type[_AsyncExecutes[In, Out]], /) -> Task[In, Out]: ...
    @overload
    def __call__(self, cls: type[_Executes[In, Out]], /) -> Task[In, Out]: ...
    @overload
    def __call__(self, fn: _AsyncOnlyContext[Out], /) -> Task[None, Out]: ...
    @overload
    def __call__(self, fn: _OnlyContext[Out], /) -> Task[None, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In, Context], Coroutine[Any, Any, Out]], /) -> Task[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In, Context], Out], /) -> Task[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Coroutine[Any, Any, Out]], /) -> Task[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Out], /) -> Task[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[], Coroutine[Any, Any, Out]], /) -> Task[None, Out]: ...
    @overload
    def __call__(self, fn: Callable[[], Out], /) -> Task[None, Out]: ...
    @overload
    def __call__(self, /, *, name: str = ..., **options: Unpack[TaskOptions]) -> _TaskFactory: ...
    def __call__(self, fn: Any = None, /, *, name: str | None = None, **options: Unpack[TaskOptions]) -> Any:
        if fn is None:
            _refuse_unknown(options)
            merged: TaskOptions = {**self._options, **options}
            return _TaskFactory(self._name if name is None else name, merged)
        made: Task[Any, Any] = Task(fn, self._name, self._options)
        return made


def _refuse_unknown(options: TaskOptions) -> None:
    known = TaskOptions.__annotations__
    problems = [
        f"{name}: no such option; there are {', '.join(known)}" for name in options if name not in known
    ]
    if problems:
        raise InvalidInput("task", problems)


task = _TaskFactory()


def create_task(name: str, fn: Callable[..., Any], **options: Unpack[TaskOptions]) -> Task[Any, Any]:
    """A task from a function in one line (T10)."""
    return Task(fn, name, options)


class Registry:
    """The tasks that one server, worker or client knows, by name.

    Raises `DuplicateTask` when two different tasks claim one name.
    """

    def __init__(self, tasks: Iterable[Task[Any, Any]] = ()) -> None:
        self._tasks: dict[str, Task[Any, Any]] = {}
        for one in tasks:
            self.add(one)

    def add(self, one: Task[Any, Any]) -> None:
        if not isinstance(one, Task):  # pyright: ignore[reportUnnecessaryIsInstance] - a forgotten @task is the commonest slip
            raise InvalidInput("tasks", [f"{one!r} is no task: decorate it with @task"])
        if self._tasks.setdefault(one.name, one) is not one:
            raise DuplicateTask(one.name)

    def find(self, name: str) -> Task[Any, Any] | None:
        return self._tasks.get(name)

    def __getitem__(self, name: str) -> Task[Any, Any]:
        found = self._tasks.get(name)
        if found is None:
            raise UnknownTask(name, tuple(self._tasks))
        return found

    def __iter__(self) -> Iterator[Task[Any, Any]]:
        return iter(self._tasks.values())

    def names(self, place: Literal["browser", "server"] | None = None) -> tuple[str, ...]:
        """Names of the tasks that may run in `place`."""
        return tuple(
            one.name for one in self._tasks.values() if place is None or one.place in (place, "either")
        )
