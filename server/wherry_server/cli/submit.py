"""`wherry submit`: one job by the name of its task."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, cast

import typer

from wherry import Client, InvalidInput
from wherry.storage.protocol import Storage
from wherry.task import JobOptions
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.following import follow_to_end
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, opened, run


def submit(
    storage: StorageArgument = None,
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", show_default=False, help="Such as text.count.")
    ] = None,
    input: Annotated[
        str | None,
        typer.Argument(
            metavar="INPUT",
            show_default=False,
            help="JSON, or text as it is; - reads it from stdin; null when left out.",
        ),
    ] = None,
    priority: Annotated[
        int | None, typer.Option(metavar="N", help="-1000 to 1000, lower runs first.")
    ] = None,
    delay: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long it waits before it may run.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long an attempt may take.")
    ] = None,
    max_attempts: Annotated[
        int | None, typer.Option(metavar="N", help="How often it may run in all.")
    ] = None,
    unique: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="While a job of this task holds it, that one stands."),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option(metavar="NAME", help="A name to find a group of jobs by.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be given again.")] = None,
    after: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A job that must complete first; may be given again."),
    ] = None,
    ordering_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Jobs of one key run one at a time, in the order of submit."),
    ] = None,
    id: Annotated[
        str | None, typer.Option(metavar="ID", help="One of your own; a repeat changes nothing.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="INPUT is text, whatever it looks like.")] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the result and print it.")] = False,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Submit a job and print its id, or with --wait its result."""
    url, (name, value) = storage_first(storage, task, input)
    if name is None:
        raise typer.BadParameter("no task is named: give one behind the storage, such as text.count.")
    given = {"priority": priority, "delay": delay, "timeout": timeout, "max_attempts": max_attempts,
             "unique": unique, "run_id": run_id, "tags": tag, "after": after, "ordering_key": ordering_key,
             "id": id}  # fmt: skip
    options = cast("JobOptions", {key: one for key, one in given.items() if one is not None})
    screen = Screen(json=json)
    run(screen, _submit(screen, url, token, name, value, options, as_text=text, wait=wait))


async def _submit(
    screen: Screen,
    url: str,
    token: str | None,
    task: str,
    given: str | None,
    options: JobOptions,
    *,
    as_text: bool,
    wait: bool,
) -> int:
    async with opened(url, token) as storage:
        text = _read_stdin() if given == "-" else given
        value = None if text is None else text if as_text else read_input(text, await _schema(storage, task))
        client = Client(storage, namespaces="*")
        handle = await client.submit(task, value, **options)
        if handle.duplicate_of:
            screen.note(f"Job {handle.id} stands already: it has this id or holds the unique key.")
        if wait:
            return await follow_to_end(screen, client, handle.id)
    if screen.json:
        screen.data({"id": handle.id, "duplicate_of": handle.duplicate_of})
    else:
        screen.text(handle.id)
    return OK


async def _schema(storage: Storage, task: str) -> dict[str, Any]:
    """The JSON Schema of the task's input as the storage's manifest has it, `{}` when it has none."""
    for record in await storage.read("task", prefix=task):
        if record.key == task:
            return json.loads(record.value).get("schema") or {}
    return {}


def read_input(text: str, schema: dict[str, Any]) -> Any:
    """The value that an argument means.

    A task that takes text gets the argument as it is, `42` and `true` too, unless it is a JSON text in its
    quotes.  Any other task gets the JSON value, or text where it is no JSON.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if schema.get("type") == "string" and not isinstance(value, str) else value


def _read_stdin() -> str:
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("submit", [f"stdin: is no UTF-8 ({error.reason} at byte {error.start})"]) from None
    # The line end that `echo` and editors add is not meant.
    return text.removesuffix("\n").removesuffix("\r")
