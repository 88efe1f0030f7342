"""`wherry pause | resume`: whether jobs of a queue or a task may start."""

from __future__ import annotations

from typing import Annotated

import typer

from wherry import Client
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.screen import Screen, columns
from wherry_server.cli.session import OK, opened, run
from wherry_server.cli.words import plain

QueueOption = Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="A queue.")]
TaskOption = Annotated[str | None, typer.Option("--task", "-t", metavar="NAME", help="A task.")]
NamespaceOption = Annotated[
    str, typer.Option("--namespace", metavar="NAME", help="Whose queue or task.", show_default=False)
]


def pause(
    storage: StorageArgument = None,
    queue: QueueOption = None,
    task: TaskOption = None,
    namespace: NamespaceOption = "",
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Let no job of a queue or task start until it is resumed; without either, list what is paused."""
    url, _ = storage_first(storage)
    screen = Screen(json=json)
    if queue is None and task is None:
        run(screen, _list(screen, url, token))
    run(screen, _pause(screen, url, token, queue, task, namespace))


def resume(
    storage: StorageArgument = None,
    queue: QueueOption = None,
    task: TaskOption = None,
    namespace: NamespaceOption = "",
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Let the jobs of a paused queue or task start again."""
    url, _ = storage_first(storage)
    screen = Screen(json=json)
    run(screen, _resume(screen, url, token, queue, task, namespace))


async def _pause(
    screen: Screen, url: str, token: str | None, queue: str | None, task: str | None, namespace: str
) -> int:
    async with opened(url, token) as storage:
        await Client(storage, namespace=namespace).pause(queue=queue, task=task)
    if screen.json:
        screen.data({"paused": {"queue": queue, "task": task, "namespace": namespace}})
    screen.note(f"Paused {_named(queue, task)}. What runs goes on, what comes waits.")
    return OK


async def _resume(
    screen: Screen, url: str, token: str | None, queue: str | None, task: str | None, namespace: str
) -> int:
    async with opened(url, token) as storage:
        was_paused = await Client(storage, namespace=namespace).resume(queue=queue, task=task)
    if screen.json:
        screen.data({"was_paused": was_paused})
    screen.note(f"{'Resumed' if was_paused else 'Nothing to do: it was not paused,'} {_named(queue, task)}.")
    return OK


async def _list(screen: Screen, url: str, token: str | None) -> int:
    async with opened(url, token) as storage:
        paused = await Client(storage, namespaces="*").paused()
    if screen.json:
        screen.data(
            {
                "paused": [
                    {
                        "kind": one.kind,
                        "name": one.name,
                        "namespace": one.namespace,
                        "since": one.since.isoformat(),
                    }
                    for one in paused
                ]
            }
        )
    elif paused:
        table = columns("kind", "name", "namespace", "since", wide="name")
        for one in paused:
            table.add_row(one.kind, plain(one.name), plain(one.namespace), f"{one.since.astimezone():%F %T}")
        screen.show(table)
    else:
        screen.note("Nothing is paused.")
    return OK


def _named(queue: str | None, task: str | None) -> str:
    return f"the queue {queue}" if queue is not None else f"the task {task}"
