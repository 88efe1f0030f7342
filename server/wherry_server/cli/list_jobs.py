"""`wherry list`: a page of jobs, newest first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from wherry import Filter, JobState
from wherry.ids import short_ids
from wherry.job import JobRow
from wherry.storage.protocol import Storage
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.screen import Screen, columns
from wherry_server.cli.session import OK, opened, run
from wherry_server.cli.words import LOOKS, ago, attempts, count, duration, plain, run_ms, shown_state
from wherry_server.cli.words import percent as percent_of
from wherry_server.job_text import job_text


def list_jobs(
    storage: StorageArgument = None,
    state: Annotated[
        list[JobState] | None,
        typer.Option("--state", "-s", metavar="STATE", help="Only these; may be given again."),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", "-q", metavar="NAME", help="Only these; may be given again."),
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", "-t", metavar="NAME", help="Only these; may be given again.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="At most so many.")
    ] = 20,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    url, _ = storage_first(storage)
    where = Filter(
        states=[one.value for one in state] if state else None, queues=queue or None, tasks=task or None
    )
    screen = Screen(json=as_json)
    run(screen, _list(screen, url, token, where, limit))


async def _list(screen: Screen, url: str, token: str | None, where: Filter, limit: int) -> int:
    async with opened(url, token) as storage:
        # One more than asked for tells whether there are more.
        found = await read_rows(storage, where, limit + 1)
        more, found = len(found) > limit, found[:limit]
        total = (await storage.count(where)).get((), len(found)) if more else len(found)
    if screen.json:
        screen.text(f'{{"jobs":[{",".join(map(job_text, found))}],"more":{json.dumps(more)}}}')
    elif found:
        screen.show(table(screen, found, now_ms=time.time_ns() // 1_000_000))
        if more:
            screen.note(Text(f"{len(found)} of {count(total, 'job')}; --limit shows more", "fog"))
    else:
        screen.note(_nothing(where))
    return OK


async def read_rows(storage: Storage, where: Filter, limit: int) -> list[JobRow]:
    """Up to `limit` jobs, newest first, in as many pages as the storage likes."""
    found: list[JobRow] = []
    cursor: str | None = None
    while len(found) < limit:
        rows, cursor = await storage.query(where, limit=limit - len(found), cursor=cursor)
        found += rows
        if cursor is None:
            break
    return found


def table(screen: Screen, rows: Sequence[JobRow], *, now_ms: int) -> Table:
    """The rows as people read them; the short ids are endings that tell these jobs apart."""
    made = columns(
        "id", "task", "state", "%", "created", "ran", "tries", right=("%", "ran", "tries"), wide="task"
    )
    short = short_ids(row.id for row in rows)
    for row in rows:
        made.add_row(short[row.id], plain(row.task), *_cells(screen, row, now_ms))
    return made


def _cells(screen: Screen, row: JobRow, now_ms: int) -> Iterable[Text | str]:
    ran = run_ms(row, now_ms)
    state = shown_state(row, now_ms)
    created = Text(ago(row.created_at_ms, now_ms), "fog")
    percent = Text(percent_of(row), LOOKS[state].style)
    return screen.state(state), percent, created, "" if ran is None else duration(ran), attempts(row)


def _nothing(where: Filter) -> str:
    if where == Filter():
        return 'No jobs yet. Submit one: wherry submit STORAGE text.count "one two three"'
    return "No job fits. Without --state, --queue and --task all are listed."
