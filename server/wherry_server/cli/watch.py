"""`wherry watch`: follow a storage or one job live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from wherry import Client, Event, Filter, StorageUnavailable
from wherry.events import EVENT_OF
from wherry.job import JobRow
from wherry.messages import FINAL_STATES, Cursor
from wherry.storage.protocol import Storage
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.finding import find_job
from wherry_server.cli.following import follow_to_end, report
from wherry_server.cli.lines import event_data, event_line
from wherry_server.cli.list_jobs import table
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import opened, run
from wherry_server.cli.words import LOOKS, plain

_REFRESH_S = 0.25
"""Values move at most four times a second."""
ASK_S = 15.0
"""After so long without news the storage is asked whether it still answers."""
_SHOWN_RUNNING = 12
_STATES = ("pending", "running", "blocked", "suspended", "completed", "failed", "cancelled", "disabled")


def watch(
    storage: StorageArgument = None,
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", show_default=False, help="Only this job, to its end: its id or a part of it."
        ),
    ] = None,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Follow a storage, or one job to its end.

    A storage until Ctrl-C; a job until it is final, then its result is printed as `submit --wait` does.
    """
    url, (part,) = storage_first(storage, job)
    screen = Screen(json=json)
    run(screen, follow(screen, url, token, part))


async def follow(screen: Screen, url: str, token: str | None, part: str | None) -> int:
    """Follow until cancelled; or, with a part of an id, that job until it is final.

    Raises: `JobNotFound`, and what the storage refuses with.
    """
    async with opened(url, token) as storage, Client(storage, namespaces="*") as client:
        if part is not None:
            row = await find_job(storage, part)
            return (
                report(screen, row)
                if row.state in FINAL_STATES
                else await follow_to_end(screen, client, row.id)
            )
        stream = Stream(screen, storage, client)
        screen.note(Text(f"{storage.url}  Ctrl-C ends", "fog"))
        if screen.live and screen.out.is_terminal:
            return await _draw(screen, stream)
        return await _tell(screen, stream)


class Stream:
    """What happens, as it comes; the storage is asked now and then, so that silence is no error."""

    def __init__(self, screen: Screen, storage: Storage, client: Client) -> None:
        self._screen, self.storage = screen, storage
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._answers = True
        for name in EVENT_OF.values():
            client.on(name, self._events.put_nowait)

    async def next(self) -> Event:
        """Wait for the next event.  Raises: what the storage refuses with, such as `Unauthorized`."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_S):
                    return await self._events.get()
            await self._ask()

    async def _ask(self) -> None:
        try:
            await self.storage.changes(Cursor(""), limit=1)
            self._answers = True
        except StorageUnavailable as error:
            if self._answers:
                self._screen.note(Text(f"{plain(str(error))} Watching goes on when it answers.", "sand"))
            self._answers = False

    def waiting(self) -> list[Event]:
        """What came meanwhile."""
        return [self._events.get_nowait() for _ in range(self._events.qsize())]


async def _tell(screen: Screen, stream: Stream) -> int:
    """A line an event."""
    while True:
        event = await stream.next()
        if screen.json:
            screen.data(event_data(event))
        else:
            screen.text(event_line(screen, event).plain)


async def _draw(screen: Screen, stream: Stream) -> int:
    """What ends scrolls by; beneath it stand the counts and what runs."""
    with Live(console=screen.out, auto_refresh=False, transient=True) as live:
        while True:
            with suppress(StorageUnavailable):  # the last picture stays until the next event
                live.update(await _picture(screen, stream.storage), refresh=True)
            event = await stream.next()
            await asyncio.sleep(_REFRESH_S)
            for one in (event, *stream.waiting()):
                if one.name not in ("job_progress", "job_added", "job_start"):
                    live.console.print(event_line(screen, one))


async def _picture(screen: Screen, storage: Storage) -> RenderableType:
    counts = await storage.count(Filter(), by=["state"])
    rows, _ = await storage.query(Filter(states=["running"], oldest_first=True), limit=_SHOWN_RUNNING)
    return picture(screen, {state[0]: number for state, number in counts.items()}, list(rows))


def picture(
    screen: Screen, counts: Mapping[str, int], running: list[JobRow], *, now_ms: int | None = None
) -> Group:
    """The counts on one line, and a table of what runs."""
    parts: list[Any] = []
    for state in _STATES:
        if counts.get(state):
            parts += [(f"{screen.mark(state)} {counts[state]:,} {state}", LOOKS[state].style), "   "]
    line = Text.assemble(*parts) if parts else Text("no jobs yet", "fog")
    if not running:
        return Group("", line)
    at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return Group("", table(screen, running, now_ms=at_ms), "", line)
