"""Hooks around submit and run (R17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from wherry.context import Context
    from wherry.handle import JobHandle
    from wherry.messages import NewJob

T = TypeVar("T")
R = TypeVar("R")


class SubmitHook(Protocol):
    """Sees each job on its way in.

    It may pass on another job (`job._replace(...)`), look at the handle, or raise: then nothing is stored
    and the caller of `submit` gets that exception.
    """

    async def submit(
        self, job: NewJob, next: Callable[[NewJob], Awaitable[JobHandle[Any]]]
    ) -> JobHandle[Any]: ...


class RunHook(Protocol):
    """Sees each attempt run.

    `await next(context)` runs the handler and returns its output as the handler gave it.  What the hook
    returns is the output; what it raises is the attempt's error.
    """

    async def run(self, context: Context, next: Callable[[Context], Awaitable[Any]]) -> Any: ...


Hook = SubmitHook | RunHook
"""One object may be both."""


def chained(
    hooks: Sequence[Hook], verb: str, innermost: Callable[[T], Awaitable[R]]
) -> Callable[[T], Awaitable[R]]:
    """The hooks that have `verb` around `innermost`, the first one outside."""
    call = innermost
    for hook in reversed(hooks):
        around = getattr(hook, verb, None)
        if around is not None:
            call = _around(around, call)
    return call


def _around(
    hook: Callable[[T, Callable[[T], Awaitable[R]]], Awaitable[R]], call: Callable[[T], Awaitable[R]]
) -> Callable[[T], Awaitable[R]]:
    async def run(value: T) -> R:
        return await hook(value, call)

    return run


def require_hooks(what: str, hooks: Sequence[object], verb: str) -> tuple[Any, ...]:
    """Those that have `verb`.  Raises: `InvalidInput` for one that has neither."""
    from wherry.errors import InvalidInput

    for hook in hooks:
        if not any(callable(getattr(hook, name, None)) for name in ("submit", "run")):
            raise InvalidInput(what, [f"hooks: {hook!r} has neither `submit` nor `run`"])
    return tuple(hook for hook in hooks if callable(getattr(hook, verb, None)))
