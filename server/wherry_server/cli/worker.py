"""`wherry worker`: run the jobs of a storage, in this process or in several."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from socket import gethostname
from typing import Annotated, Any

import typer
from rich.text import Text

from wherry import Server, Task, WherryError, load_tasks
from wherry.messages import Claimed, Settlement, Verdict
from wherry.storage.protocol import Storage
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.lines import ending, settled_line
from wherry_server.cli.processes import run_processes
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, Interrupts, opened, run
from wherry_server.cli.words import count, plain


@dataclass(frozen=True)
class Order:
    """What a worker is to do; durations in seconds."""

    queues: tuple[str, ...] | None
    concurrency: int
    lease: float
    shutdown_timeout: float
    name: str | None
    quiet: bool


def worker(
    storage: StorageArgument = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks", metavar="MODULE", help="A module of tasks, such as app.jobs; may be given again."
        ),
    ] = None,
    queues: Annotated[
        list[str] | None, typer.Option("--queues", metavar="QUEUE", help="Only these; comma or given again.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Jobs at once in each process.")] = 8,
    processes: Annotated[int, typer.Option(metavar="N", min=1, max=256, help="Processes to run.")] = 1,
    lease: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long a claim holds without renewal.")
    ] = 30.0,
    shutdown_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long a stop lets jobs go on.")
    ] = 30.0,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="How jobs name this worker.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each job.")] = False,
    while_stdin: Annotated[
        bool, typer.Option("--while-stdin", help="Stop when stdin ends.", hidden=True)
    ] = False,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Run the jobs of a storage.

    Until Ctrl-C or SIGTERM: then it claims no more, lets running jobs go on for a while and hands the rest
    back, uncharged. A second signal ends it at once.
    """
    url, _ = storage_first(storage)
    modules = split_names(tasks)
    if not modules:
        raise typer.BadParameter("no tasks are named: --tasks MODULE, such as --tasks wherry.examples.basic.")
    screen = Screen(json=json)
    order = Order(split_names(queues) or None, concurrency, lease, shutdown_timeout, name, quiet)
    if processes > 1:
        each = [
            _command(url, modules, order, f"{name or gethostname()}:{n}", json)
            for n in range(1, processes + 1)
        ]
        run(screen, run_processes(screen, each, token))
    run(screen, _work(screen, url, token, modules, order, while_stdin=while_stdin))


def _command(url: str, modules: Sequence[str], order: Order, name: str, json: bool) -> list[str]:
    """The same order for a process of its own; the token goes through its environment, unseen by `ps`."""
    command = ["worker", url, "--while-stdin", "--name", name, "--tasks", ",".join(modules)]
    command += ["--concurrency", str(order.concurrency), "--lease", str(order.lease)]
    command += ["--shutdown-timeout", str(order.shutdown_timeout)]
    command += ["--queues", ",".join(order.queues)] if order.queues else []
    return command + ["--quiet"] * order.quiet + ["--json"] * json


def split_names(given: Sequence[str] | None) -> tuple[str, ...]:
    """Names that came by comma, by repeated options, or both."""
    parts = (part.strip() for one in given or () for part in one.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


async def _work(
    screen: Screen, url: str, token: str | None, modules: Sequence[str], order: Order, *, while_stdin: bool
) -> int:
    # As `python -m` does: a module of tasks often lies in the folder where people work.
    if "" not in sys.path:
        sys.path.insert(0, "")
    tasks = load_tasks(modules)
    async with opened(url, token, create=True) as storage:
        made = Crew(screen, storage, tasks, order)
        await made.run(while_stdin=while_stdin)
    return OK


class Crew:
    """One process's server, and what it says."""

    def __init__(
        self, screen: Screen, storage: Storage, tasks: Sequence[Task[Any, Any]], order: Order
    ) -> None:
        self._screen, self._storage, self._order = screen, storage, order
        self._server = Server(
            storage,
            tasks,
            queues=order.queues,
            concurrency=order.concurrency,
            lease=order.lease,
            shutdown_timeout=order.shutdown_timeout,
            name=order.name,
            settled=self._settled,
        )

    async def run(self, *, while_stdin: bool = False) -> None:
        """Work until stopped.  Raises: what ended the worker by itself."""
        interrupts = Interrupts()
        with interrupts.heard(first=self._say_stopping):
            await self._server.start()
            self._say_ready()
            if while_stdin:
                asyncio.get_running_loop().add_reader(sys.stdin, self._stdin_ended, interrupts.stop)
            try:
                await self._until(interrupts.stop)
            finally:
                running = self._server.worker.running()
                await self._server.stop()
                await self._say_stopped(running)

    async def _until(self, stop: asyncio.Event) -> None:
        """Wait for the stop, or for the workers to end by an error."""
        waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._server.ended())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    def _stdin_ended(self, stop: asyncio.Event) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin)
            stop.set()

    # --- what it says --------------------------------------------------------------------------------
    def _say(self, event: str, text: str | Text, **facts: object) -> None:
        if self._screen.json:
            self._screen.data({"event": event, "worker": self._server.worker.name, **facts})
        else:
            self._screen.show(text)

    def _say_ready(self) -> None:
        names = self._server.registry.names()
        line = Text.assemble(
            (self._server.worker.name, "strong"),
            f"  {count(self._order.concurrency, 'job')} at once  lease {self._order.lease:g} s  ",
            (plain(self._storage.url), "fog"),
        )
        self._say(
            "ready",
            Text.assemble(line, "\n", (f"  {'  '.join(map(plain, names))}", "fog")),
            tasks=list(names),
        )

    def _settled(self, job: Claimed, settlement: Settlement, verdict: Verdict, run_s: float) -> None:
        if not self._order.quiet:
            line = settled_line(self._screen, job, settlement, verdict, run_s)
            facts = {"job_id": job.id, "task": job.task, "kind": settlement.kind, "verdict": verdict}
            self._say("settled", line, **facts, run_ms=round(run_s * 1000))

    def _say_stopping(self) -> None:
        running = self._server.worker.running()
        text = "Stopping."
        if running:
            text = (
                f"Stopping: {count(len(running), 'job')} may go on for {self._order.shutdown_timeout:g} s; "
                "Ctrl-C again ends at once."
            )
        self._say("stopping", text, running=[job.id for job in running])

    async def _say_stopped(self, before: Sequence[Claimed]) -> None:
        try:
            rows = await self._storage.get([job.id for job in before])
        except WherryError:
            self._say("stopped", "Stopped; what became of the running jobs cannot be asked now.")
            return
        back = [job for job in before if job.id in rows and rows[job.id].state == "pending"]
        named = ", ".join(f"{ending(job.id)} {plain(job.task)}" for job in back)
        handed_back = f"Handed back {count(len(back), 'job')}, uncharged: {named}."
        text = handed_back if back else "All jobs are finished."
        self._say("stopped", text, handed_back=[job.id for job in back])
