"""Follows one job to its end: progress on stderr, result on stdout."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

from rich.progress import BarColumn, Progress, TextColumn

from wherry import Client, Event
from wherry.job import JobRow
from wherry.views import errors_of
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import JOB_FAILED, OK
from wherry_server.cli.words import one_line, where
from wherry_server.job_text import job_text

_REFRESH_HZ = 4
_WORDY_S = 1.0
"""Where nobody watches, progress is told at most so often."""


async def follow_to_end(screen: Screen, client: Client, job_id: str) -> int:
    """Show a job's progress, then its result; the exit code says how it ended.

    Raises: `JobNotFound` when it is removed meanwhile.
    """
    async with AsyncExitStack() as stack:
        watcher: Drawn | Told = stack.enter_context(Drawn(screen)) if screen.live else Told(screen)
        stack.callback(client.handle(job_id).on_progress(watcher.progress))
        row = await client.follower.outcome(job_id)
    return report(screen, row)


def report(screen: Screen, row: JobRow) -> int:
    """Print what became of a final job."""
    if screen.json:
        screen.text(job_text(row))
    elif row.state == "completed":
        screen.text(result_text(row.output or "null"))
    else:
        _explain(screen, row)
    return OK if row.state == "completed" else JOB_FAILED


def result_text(payload: str) -> str:
    """A result for people and pipes: text as it is, anything else as the JSON that it is."""
    value = json.loads(payload)
    return value if isinstance(value, str) else payload


def _explain(screen: Screen, row: JobRow) -> None:
    errors = errors_of(row)
    if errors:
        last = errors[-1]
        screen.refuse(last.code, f"job {row.id} {row.state}: {last.type}: {last.message}")
        screen.note(f"It ran {row.attempt} of {row.max_attempts} times. `wherry show` has every attempt.")
    else:
        screen.refuse(
            f"job_{row.state}", f"job {row.id} {row.state}. {where(row, time.time_ns() // 1_000_000)}"
        )


class Drawn:
    """A bar that moves in place."""

    def __init__(self, screen: Screen) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", style="fog", markup=False),
            BarColumn(style="fog", complete_style="water", finished_style="moss", pulse_style="water"),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TextColumn("{task.fields[message]}", style="fog", markup=False),
            console=screen.err,
            transient=True,
            refresh_per_second=_REFRESH_HZ,
        )
        self._task = self._bar.add_task("running", total=100, message="")

    def __enter__(self) -> Drawn:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def progress(self, event: Event) -> None:
        self._bar.update(self._task, completed=event.percent or 0, message=one_line(event.message or "", 60))


class Told:
    """A line now and then."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._told_s = screen, float("-inf")

    def progress(self, event: Event) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._told_s >= _WORDY_S:
            self._told_s = now_s
            self._screen.note(f"{event.percent or 0:3.0f} %  {one_line(event.message or '')}".rstrip())
