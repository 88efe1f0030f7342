"""How the command line words times, durations, states and untrusted text.  Pure functions."""

from __future__ import annotations

import re
from typing import NamedTuple

from wherry.job import JobRow
from wherry.messages import State

_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS = 1000, 60_000, 3_600_000, 86_400_000

# All that moves a terminal's cursor or changes its state, but line end and tab.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Look(NamedTuple):
    """A state's mark, with and without UTF-8, and its colour."""

    mark: str
    ascii: str
    style: str


LOOKS: dict[str, Look] = {
    "blocked": Look("◌", ".", "sand"),
    "pending": Look("○", "o", "sand"),
    "scheduled": Look("◷", "t", "sand"),
    "running": Look("◐", ">", "water"),
    "cancelling": Look("◒", "c", "signal"),
    "suspended": Look("◫", "s", "sand"),
    "completed": Look("●", "*", "moss"),
    "failed": Look("✕", "x", "rust"),
    "cancelled": Look("⊘", "-", "fog"),
    "disabled": Look("⊖", "d", "fog"),
}


def shown_state(row: JobRow, now_ms: int) -> str:
    """The state as people see it: a pending job with a future `run_at` is scheduled."""
    if row.state == "pending" and row.run_at_ms > now_ms:
        return "scheduled"
    if row.state == "running" and row.cancel_requested_at_ms is not None:
        return "cancelling"
    return row.state


def duration(ms: float) -> str:
    """`41 ms`, `3.2 s`, `4 min`, `2 h 05 min`, `3 d 4 h`."""
    if ms < _SECOND_MS:
        return f"{ms:.0f} ms"
    # What would round to 60.0 s is a minute.
    if ms < _MINUTE_MS - 50:
        return f"{ms / _SECOND_MS:.1f} s"
    minutes = round(ms / _MINUTE_MS)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def ago(at_ms: int, now_ms: int) -> str:
    """`now`, `12 s ago`, `2 min ago`, `3 h ago`, `5 d ago`; for what is to come `in 12 s`."""
    distance_ms = abs(now_ms - at_ms)
    if distance_ms < _SECOND_MS:
        return "now"
    for unit_ms, unit in ((_DAY_MS, "d"), (_HOUR_MS, "h"), (_MINUTE_MS, "min"), (_SECOND_MS, "s")):
        if distance_ms >= unit_ms:
            text = f"{distance_ms // unit_ms} {unit}"
            return f"{text} ago" if at_ms <= now_ms else f"in {text}"
    raise AssertionError(distance_ms)


def run_ms(row: JobRow, now_ms: int) -> int | None:
    """How long the latest attempt took or has been running; None before the first and between two."""
    if row.attempted_at_ms is None:
        return None
    if row.finished_at_ms is not None:
        return max(0, row.finished_at_ms - row.attempted_at_ms)
    return max(0, now_ms - row.attempted_at_ms) if row.state == "running" else None


def percent(row: JobRow) -> str:
    """`42`, without the sign; a completed job is at 100 whatever it reported."""
    if row.state == "completed":
        return "100"
    return "" if row.percent is None else f"{row.percent:.0f}"


def attempts(row: JobRow) -> str:
    """`2/4`: charged attempts, and how many there may be."""
    return f"{row.attempt}/{row.max_attempts}"


def plain(text: str) -> str:
    """Text of a task or a job, with what would control the terminal spelled out as `\\x1b`."""
    return _CONTROL.sub(lambda found: ascii(found.group())[1:-1], text)


def one_line(text: str, length: int = 200) -> str:
    """The same on one line of at most `length` characters."""
    joined = " ".join(plain(text).split())
    return joined if len(joined) <= length else f"{joined[: length - 1]}…"


def count(number: int, noun: str) -> str:
    """`1 job`, `12 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


FINAL_WORDS: dict[State, str] = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "was cancelled",
    "disabled": "was disabled",
}


def where(row: JobRow, now_ms: int) -> str:
    """One sentence: where a job is and what it waits for."""
    state = shown_state(row, now_ms)
    match state:
        case "scheduled" if row.attempt:
            return f"Waits after attempt {row.attempt}; the next one starts {ago(row.run_at_ms, now_ms)}."
        case "scheduled":
            return f"Starts {ago(row.run_at_ms, now_ms)}."
        case "pending":
            return f"Waits for a worker that has {plain(row.task)} and takes the queue {plain(row.queue)}."
        case "blocked":
            return f"Waits for {count(row.waiting_for, 'job')} to finish first."
        case "suspended":
            return "Sleeps until a signal, another job or a time wakes it."
        case "running" | "cancelling":
            return _where_running(row, state, now_ms)
        case _:
            return _where_ended(row, now_ms)


def _where_ended(row: JobRow, now_ms: int) -> str:
    tries = f" on attempt {row.attempt}" if row.attempt > 1 else ""
    lasted_ms = run_ms(row, now_ms)
    return (
        f"It {FINAL_WORDS[row.state]}{tries}{'' if lasted_ms is None else f' after {duration(lasted_ms)}'}."
    )


def _where_running(row: JobRow, state: str, now_ms: int) -> str:
    lead = "Asked to stop; runs" if state == "cancelling" else "Runs"
    lease_ms = (row.lease_until_ms or now_ms) - now_ms
    held = f"its lease ends in {duration(lease_ms)} unless renewed" if lease_ms > 0 else "its lease is over"
    return f"{lead} in {plain(row.worker or 'a worker')}; {held}."
