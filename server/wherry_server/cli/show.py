"""`wherry show`: one job with its timeline."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, NamedTuple

import typer
from rich.table import Table
from rich.text import Text

from wherry.job import JobRow
from wherry.views import AttemptError, errors_of
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.finding import find_job
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, opened, run
from wherry_server.cli.words import ago, attempts, duration, one_line, plain, shown_state, where
from wherry_server.job_text import job_text

_PAYLOAD_LENGTH = 2000


def show(
    storage: StorageArgument = None,
    job: Annotated[
        str | None,
        typer.Argument(metavar="ID", show_default=False, help="A job's id, its beginning or its ending."),
    ] = None,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="With the traceback of each attempt.")
    ] = False,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Show one job: where it is, its timeline, input, output and errors."""
    url, (part,) = storage_first(storage, job)
    if part is None:
        raise typer.BadParameter("no job is named: give its id, or a part of it that `wherry list` shows.")
    screen = Screen(json=json)
    run(screen, _show(screen, url, token, part, traceback=traceback))


async def _show(screen: Screen, url: str, token: str | None, part: str, *, traceback: bool) -> int:
    async with opened(url, token) as storage:
        row = await find_job(storage, part)
    if screen.json:
        screen.text(job_text(row))
    else:
        _draw(screen, row, time.time_ns() // 1_000_000, traceback=traceback)
    return OK


def _draw(screen: Screen, row: JobRow, now_ms: int, *, traceback: bool) -> None:
    head = Text.assemble((plain(row.task), "strong"), "  ", screen.state(shown_state(row, now_ms)))
    screen.show(head, Text(row.id, "fog"), "", where(row, now_ms), "", _facts(row, now_ms), "")
    screen.show(Text("timeline", "fog"), _timeline(row), "")
    screen.show(Text("input", "fog"), _payload(row.input))
    if row.output is not None:
        screen.show("", Text("output", "fog"), _payload(row.output))
    for error in errors_of(row):
        screen.show("", *_error(error, traceback=traceback))


# --- facts ---------------------------------------------------------------------------------------
def _facts(row: JobRow, now_ms: int) -> Table:
    table = _grid()
    for name, value in _known_facts(row, now_ms):
        table.add_row(Text(name, "fog"), plain(value))
    return table


def _known_facts(row: JobRow, now_ms: int) -> Iterator[tuple[str, str]]:
    yield "queue", row.queue
    yield "attempts", attempts(row) + (f", {row.interruptions} interrupted" if row.interruptions else "")
    if row.priority:
        yield "priority", str(row.priority)
    if row.percent is not None:
        yield "progress", f"{row.percent:.0f} %  {row.message or ''}".rstrip()
    yield "created", f"{ago(row.created_at_ms, now_ms)}  ({_instant(row.created_at_ms)})"
    if row.deadline_at_ms is not None:
        yield "deadline", f"{ago(row.deadline_at_ms, now_ms)}  ({_instant(row.deadline_at_ms)})"
    optional = {
        "worker": row.worker,
        "run": row.run_id,
        "unique key": row.unique_key,
        "ordering key": row.ordering_key,
        "behind": row.behind,
        "tags": ", ".join(row.tags),
    }
    yield from ((name, value) for name, value in optional.items() if value)
    if row.after:
        yield "after", ", ".join(edge.parent for edge in row.after)


# --- timeline ------------------------------------------------------------------------------------
class Moment(NamedTuple):
    """`at_ms` None: the storage keeps what happened, but not when."""

    at_ms: int | None
    what: str
    style: str = ""


def moments(row: JobRow) -> list[Moment]:
    """What is known of a job's life, in order."""
    found = [Moment(row.created_at_ms, "submitted")]
    if row.started_at_ms is not None:
        found.append(Moment(row.started_at_ms, "first attempt started"))
    found += [
        Moment(None, f"attempt {error.attempt} failed: {error.type}: {error.message}", "rust")
        for error in errors_of(row)
    ]
    if row.attempted_at_ms not in (None, row.started_at_ms):
        last = Moment(row.attempted_at_ms, f"attempt {row.attempt} started")
        # The error of the last attempt, if it has one, came after its start.
        ended = bool(found[-1].at_ms is None and errors_of(row)[-1].attempt >= row.attempt)
        found.insert(len(found) - 1 if ended else len(found), last)
    if row.cancel_requested_at_ms is not None:
        found.append(Moment(row.cancel_requested_at_ms, "asked to stop", "signal"))
    if row.finished_at_ms is not None:
        found.append(Moment(row.finished_at_ms, row.state, "moss" if row.state == "completed" else "rust"))
    elif row.state == "pending" and row.attempt:
        found.append(Moment(row.run_at_ms, "next attempt may start", "sand"))
    return found


def _timeline(row: JobRow) -> Table:
    table = _grid(2)
    before_ms = row.created_at_ms
    for at_ms, what, style in moments(row):
        if at_ms is None:
            table.add_row("", "", Text(one_line(what), style))
            continue
        passed = "" if at_ms == row.created_at_ms else f"+ {duration(max(0, at_ms - before_ms))}"
        table.add_row(_clock(at_ms), Text(passed, "fog"), Text(one_line(what), style))
        before_ms = at_ms
    return table


def _clock(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000).astimezone()
    return f"{at:%H:%M:%S}.{at_ms % 1000:03d}"


def _instant(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S %Z}"


# --- payloads and errors -------------------------------------------------------------------------
def _payload(text: str) -> str:
    """JSON on several lines, cut where it is long; integers stay as they are, whatever their size."""
    try:
        shown = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):  # written by another program, or a number of thousands of digits
        shown = text
    if len(shown) > _PAYLOAD_LENGTH:
        shown = f"{shown[:_PAYLOAD_LENGTH]}…\n({len(text.encode()):,} bytes in all; --json prints them)"
    return plain(shown)


def _error(error: AttemptError, *, traceback: bool) -> Iterator[Text | str]:
    yield Text(f"error of attempt {error.attempt}", "fog")
    yield Text.assemble(
        (plain(f"{error.type}: {error.message}"), "rust"), (f"  [{plain(error.code)}]", "fog")
    )
    if traceback and error.traceback:
        yield plain(error.traceback.rstrip())


def _grid(names: int = 1) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(names):
        table.add_column(no_wrap=True, justify="right" if number else "left")
    table.add_column()
    return table
