"""Events that people subscribe to, and the one place that dispatches them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from wherry.errors import InvalidInput
from wherry.messages import ChangeKind

EVENT_OF: dict[ChangeKind, str] = {
    "added": "job_added",
    "started": "job_start",
    "progress": "job_progress",
    "completed": "job_complete",
    "failed": "job_error",
    "retrying": "job_retry",
    "disabled": "job_disabled",
    "cancelling": "job_cancelling",
    "cancelled": "job_cancelled",
}
FINAL_EVENTS = frozenset({"job_complete", "job_error", "job_disabled", "job_cancelled"})
EVENTS = (*EVENT_OF.values(), "server_start", "server_stop")


class Event(NamedTuple):
    """One thing that happened.

    `at` is when this process heard of it.  `cursor` is the place in the storage's feed behind it
    (empty for `server_start` and `server_stop`).
    By name: `percent message details` (progress), `output` (complete), `error` (error, retry; an object with
    `type message code traceback`), `retry_at` (retry).
    """

    name: str
    job_id: str
    queue: str
    task: str
    at: datetime
    cursor: str
    percent: float | None = None
    message: str | None = None
    details: Any = None
    output: Any = None
    error: dict[str, Any] | None = None
    retry_at: datetime | None = None


Listener = Callable[[Event], object]


class Emitter:
    """Listeners by event name.  A listener that raises stops neither the others nor the caller."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event of that name; returns what ends it.  Raises: `InvalidInput`."""
        require_event("on", name)
        if not callable(listener):
            raise InvalidInput("on", [f"listener: must be a function of one event, not {listener!r}"])
        self._listeners[name].append(listener)
        return lambda: self.off(name, listener)

    def off(self, name: str, listener: Listener) -> None:
        if listener in self._listeners[name]:
            self._listeners[name].remove(listener)

    def wants(self, name: str) -> bool:
        return bool(self._listeners.get(name))

    @property
    def listening(self) -> bool:
        return any(self._listeners.values())

    def emit(self, event: Event) -> None:
        for listener in tuple(self._listeners.get(event.name, ())):
            call_safely(listener, event)


def require_event(what: str, name: object) -> None:
    """Raises `InvalidInput` for a name that no event has."""
    if name not in EVENTS:
        raise InvalidInput(what, [f"name: {name!r} is no event; there are {', '.join(EVENTS)}"])


def call_safely(listener: Callable[[Any], object], value: object) -> None:
    """Call; an exception goes to the running loop's handler instead of the caller."""
    import asyncio

    try:
        listener(value)
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"a listener failed: {listener!r}", "exception": error}
        )
