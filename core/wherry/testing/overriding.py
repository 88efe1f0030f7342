"""Replace what a task does for the time of a test (T10)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from wherry.signature import Signature
from wherry.task import Task


@contextmanager
def override(task: Task[Any, Any], fn: Callable[..., Any]) -> Generator[None]:
    """Run `fn` in place of the task's handler while the context is entered.

    Name, types, defaults and retries stay the task's own: `fn` gets checked input and its output is
    checked.  It holds for workers, `now` and plain calls in this process, not for `isolation="process"`.

    Args:
        fn: takes an input, a `context: Context`, both or neither, like any handler; `def` or `async def`.

    Raises: `InvalidTask` when `fn` takes something else.
    """
    signature = Signature(fn)
    before = task.fn, task.signature
    task.fn, task.signature = fn, signature
    try:
        yield
    finally:
        task.fn, task.signature = before
