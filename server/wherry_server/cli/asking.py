"""`wherry why | result | workers`: questions with short answers."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Annotated

import typer

from wherry import Client, ResultTimeout, WorkerVitals
from wherry.messages import FINAL_STATES
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.finding import find_job
from wherry_server.cli.following import follow_to_end, report
from wherry_server.cli.screen import Screen, columns
from wherry_server.cli.session import OK, opened, run
from wherry_server.cli.words import ago, plain

JobArgument = Annotated[
    str | None,
    typer.Argument(metavar="ID", show_default=False, help="A job's id, its beginning or its ending."),
]


def why(
    storage: StorageArgument = None,
    job: JobArgument = None,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Say in one sentence why a job is not running, or what became of it."""
    url, part = _named(storage, job)
    screen = Screen(json=json)
    run(screen, _why(screen, url, token, part))


async def _why(screen: Screen, url: str, token: str | None, part: str) -> int:
    async with opened(url, token) as storage:
        row = await find_job(storage, part)
        said = await Client(storage, namespaces="*").why(row.id)
    if screen.json:
        screen.data({"id": row.id, "state": row.state, "why": said})
    else:
        screen.text(plain(said))
    return OK


def result(
    storage: StorageArgument = None,
    job: JobArgument = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Wait at most so long.", min=0)
    ] = None,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Print a job's result, once it has one."""
    url, part = _named(storage, job)
    screen = Screen(json=json)
    run(screen, _result(screen, url, token, part, timeout))


async def _result(screen: Screen, url: str, token: str | None, part: str, wait_s: float | None) -> int:
    async with opened(url, token) as storage:
        row = await find_job(storage, part)
        if row.state in FINAL_STATES:
            return report(screen, row)
        try:
            async with asyncio.timeout(wait_s):
                return await follow_to_end(screen, Client(storage, namespaces="*"), row.id)
        except TimeoutError:
            raise ResultTimeout(row.id, wait_s or 0) from None


def workers(storage: StorageArgument = None, token: TokenOption = None, json: JsonOption = False) -> None:
    """List the workers that are alive."""
    url, _ = storage_first(storage)
    screen = Screen(json=json)
    run(screen, _workers(screen, url, token))


async def _workers(screen: Screen, url: str, token: str | None) -> int:
    async with opened(url, token) as storage:
        alive = await Client(storage).workers()
    if screen.json:
        screen.data({"workers": [_facts(one) for one in alive]})
    elif alive:
        now_ms = time.time_ns() // 1_000_000
        table = columns(
            "worker",
            "pid",
            "queues",
            "slots",
            "done",
            "last claim",
            "last finish",
            right=("slots", "done"),
            wide="queues",
        )
        for one in alive:
            table.add_row(*_cells(one, now_ms))
        screen.show(table)
    else:
        screen.note("No worker is alive. Start one: wherry worker STORAGE --tasks MODULE")
    return OK


def _cells(one: WorkerVitals, now_ms: int) -> list[str]:
    def since(at: datetime | None) -> str:
        return "" if at is None else ago(round(at.timestamp() * 1000), now_ms)

    queues = "all" if one.queues is None else plain(", ".join(one.queues))
    slots = f"{one.active}/{one.concurrency}"
    return [
        plain(one.name), str(one.pid), queues, slots, str(one.done), since(one.last_claim_at),
        since(one.last_finish_at),
    ]  # fmt: skip


def _facts(one: WorkerVitals) -> dict[str, object]:
    values = {name: getattr(one, name) for name in WorkerVitals.__slots__}
    return {
        name: value.isoformat() if name.endswith("_at") and value else value for name, value in values.items()
    }


def _named(storage: str | None, job: str | None) -> tuple[str, str]:
    url, (part,) = storage_first(storage, job)
    if part is None:
        raise typer.BadParameter("no job is named: give its id, or a part of it that `wherry list` shows.")
    return url, part
