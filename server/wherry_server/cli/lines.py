"""One line an event: what `watch` and `worker` print."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.text import Text

from wherry import Event
from wherry.messages import Claimed, Settlement, Verdict
from wherry_server.cli.screen import Screen
from wherry_server.cli.words import LOOKS, duration, one_line, plain

_STATE_OF = {
    "job_added": "pending",
    "job_start": "running",
    "job_progress": "running",
    "job_complete": "completed",
    "job_error": "failed",
    "job_retry": "scheduled",
    "job_disabled": "disabled",
    "job_cancelling": "cancelling",
    "job_cancelled": "cancelled",
}
_WORD_OF = {"job_added": "added", "job_start": "started", "job_progress": "progress", "job_retry": "retrying"}
_STATE_AFTER = {
    "complete": "completed",
    "fail": "failed",
    "cancel": "cancelled",
    "disable": "disabled",
    "retry": "scheduled",
    "snooze": "scheduled",
    "release": "pending",
    "suspend": "suspended",
}
_WORD_AFTER = {"retry": "retrying", "snooze": "snoozed", "release": "handed back"}
_WORD_WIDTH = 11


def ending(job_id: str) -> str:
    """The last twelve characters: 48 random bits, so that no two jobs of a log share them."""
    return job_id[-12:]


def event_line(screen: Screen, event: Event) -> Text:
    """Time, state, id, task and what is to be said of it."""
    state = _STATE_OF[event.name]
    return _line(
        screen, event.at, state, _WORD_OF.get(event.name, state), event.job_id, event.task, _said(event)
    )


def _said(event: Event) -> str:
    if event.name == "job_progress":
        return f"{event.percent or 0:.0f} %  {event.message or ''}".rstrip()
    if event.error:
        return f"{event.error.get('type', 'Error')}: {event.error.get('message', '')}"
    return ""


def event_data(event: Event) -> dict[str, Any]:
    """The event as JSON says it; what it does not have is left out."""
    facts = {name: value for name, value in event._asdict().items() if value is not None}
    facts["at"] = event.at.isoformat()
    if event.retry_at is not None:
        facts["retry_at"] = event.retry_at.isoformat()
    return facts


def settled_line(
    screen: Screen, job: Claimed, settlement: Settlement, verdict: Verdict, run_s: float
) -> Text:
    """What a worker says when an attempt is over."""
    said = duration(run_s * 1000)
    if verdict == "cancel":
        state = word = "cancelled"
    elif verdict == "ok":
        state = _STATE_AFTER[settlement.kind]
        word = _WORD_AFTER.get(settlement.kind, state)
    else:
        state, word, said = "failed", "refused", f"{said}  another worker holds the job now"
    return _line(screen, datetime.now(), state, word, job.id, job.task, said)


def _line(screen: Screen, at: datetime, state: str, word: str, job_id: str, task: str, said: str) -> Text:
    return Text.assemble(
        (f"{at.astimezone():%H:%M:%S}  ", "fog"),
        (f"{screen.mark(state)} {word:<{_WORD_WIDTH}}", LOOKS[state].style),
        f"  {ending(job_id)}  {plain(task)}",
        (f"  {one_line(said)}" if said else "", "fog"),
    )
