"""What a handler sees of its job."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator
from typing import Any, Protocol

from wherry.messages import Claimed, Payload, Report
from wherry.submitting import Submits
from wherry.validation import require_json


class Reporter(Protocol):
    """Takes reports on the worker's loop and stores them, throttled."""

    def report(self, news: Report) -> None: ...


class Told:
    """Awaiting it gives the event loop one turn; there is no need to."""

    def __await__(self) -> Generator[Any, None, None]:
        return asyncio.sleep(0).__await__()


_TOLD = Told()


class Surroundings:
    """What the contexts of one worker and namespace share; made on the worker's loop.

    Args:
        reporter: takes what handlers report.
        submits: stores what they submit.
    """

    __slots__ = ("loop", "reporter", "submits", "thread")

    def __init__(self, reporter: Reporter, submits: Submits) -> None:
        self.reporter, self.submits = reporter, submits
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()


class Context:
    """Handed to a handler that asks for it; works the same from `async def`, `def` and threads.

    Attributes:
        job: what was claimed: id, task, queue, namespace, attempt, max_attempts.
        attempt: 1 for the first.
        cancelled: True once the job is asked to stop, its lease is lost, its time is up or the worker stops.
    """

    __slots__ = ("_surroundings", "attempt", "cancelled", "job")

    def __init__(self, job: Claimed, surroundings: Surroundings) -> None:
        self.job, self.attempt, self.cancelled = job, job.attempt, False
        self._surroundings = surroundings

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The worker's event loop."""
        return self._surroundings.loop

    def progress(self, percent: float, message: str | None = None, details: object = None) -> Told:
        """Tell how far the job is.  Takes effect at once; stored and seen by others within 0.2 s.

        Args:
            percent: 0 to 100; what lies outside is brought inside.
            message: one line for people.
            details: any JSON value.

        Raises: `NotJson` for details that JSON cannot hold.
        """
        text = None if details is None else _json(details, "details")
        bounded = min(100.0, max(0.0, float(percent)))
        self._tell(Report(self.job.id, self.job.fence, bounded, message, text))
        return _TOLD

    def log(self, message: str, **fields: object) -> Told:
        """Keep one line with the job; `fields` are JSON values."""
        line = _json({"message": message, **fields}, "log")
        self._tell(Report(self.job.id, self.job.fence, logs=(line,)))
        return _TOLD

    async def submit(self, task: Any, input: Any = None, /, **options: Any) -> Any:
        """Submit another job to the same storage and namespace; returns its handle (R14)."""
        return await self._surroundings.submits.submit(task, input, **options)

    def _tell(self, news: Report) -> None:
        around = self._surroundings
        if threading.get_ident() == around.thread:
            around.reporter.report(news)
        else:
            around.loop.call_soon_threadsafe(around.reporter.report, news)


def _json(value: object, label: str) -> Payload:
    require_json(value, label)
    return json.dumps(value, ensure_ascii=False)
