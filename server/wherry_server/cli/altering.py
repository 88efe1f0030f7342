"""`wherry cancel | retry | delete`: jobs by their ids, or many by a choice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple

import typer

from wherry import Client, Filter, JobState
from wherry.altering import Altering
from wherry.messages import FINAL_STATES, Alteration, State
from wherry_server.cli.arguments import JsonOption, StorageArgument, TokenOption, storage_first
from wherry_server.cli.finding import find_job
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, REFUSED, opened, run
from wherry_server.cli.words import count

IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", show_default=False, help="Ids, their beginnings or their endings."),
]
StateOption = Annotated[
    list[JobState] | None,
    typer.Option("--state", "-s", metavar="STATE", help="Those in this state; may be given again."),
]
QueueOption = Annotated[
    list[str] | None,
    typer.Option("--queue", "-q", metavar="NAME", help="Those of this queue; may be given again."),
]
TaskOption = Annotated[
    list[str] | None,
    typer.Option("--task", "-t", metavar="NAME", help="Those of this task; may be given again."),
]
RunOption = Annotated[str | None, typer.Option("--run-id", metavar="NAME", help="Those of this run.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="At most so many, the oldest first.")
]


class _Verb(NamedTuple):
    """One change, in words."""

    change: Alteration
    done: str
    only: str
    """Which jobs can be changed so."""


_CANCEL = _Verb("cancel", "Cancelled or asked to stop", "only an unfinished job can be, and once")
_RETRY = _Verb("requeue", "Put back", "only a failed, cancelled or disabled job can be")
_DELETE = _Verb("remove", "Deleted", "only a finished job can be; cancel it first")


def cancel(
    storage: StorageArgument = None,
    ids: IdsArgument = None,
    state: StateOption = None,
    queue: QueueOption = None,
    task: TaskOption = None,
    run_id: RunOption = None,
    limit: LimitOption = None,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Cancel jobs; those that run are asked to stop."""
    where = _choice(state, queue, task, run_id)
    _start(_CANCEL, storage, ids, where, limit, token, json=json)


def retry(
    storage: StorageArgument = None,
    ids: IdsArgument = None,
    state: StateOption = None,
    queue: QueueOption = None,
    task: TaskOption = None,
    run_id: RunOption = None,
    limit: LimitOption = None,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Put jobs back, their history kept; a choice without --state means failed ones."""
    where = _choice(state, queue, task, run_id, default=("failed",))
    _start(_RETRY, storage, ids, where, limit, token, json=json)


def delete(
    storage: StorageArgument = None,
    ids: IdsArgument = None,
    state: StateOption = None,
    queue: QueueOption = None,
    task: TaskOption = None,
    run_id: RunOption = None,
    limit: LimitOption = None,
    token: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Delete finished jobs and what belongs to them."""
    where = _choice(state, queue, task, run_id, default=FINAL_STATES)
    _start(_DELETE, storage, ids, where, limit, token, json=json)


def _choice(
    state: list[JobState] | None,
    queue: list[str] | None,
    task: list[str] | None,
    run_id: str | None,
    default: tuple[State, ...] = (),
) -> Filter | None:
    """What the options choose; None when none is given, so that nobody changes all by mistake."""
    if not (state or queue or task or run_id):
        return None
    states: tuple[State, ...] = tuple(JobState(one).value for one in state) if state else default
    return Filter(states=states or None, queues=queue or None, tasks=task or None, run_id=run_id)


def _start(
    verb: _Verb,
    storage: str | None,
    ids: list[str] | None,
    where: Filter | None,
    limit: int | None,
    token: str | None,
    *,
    json: bool,
) -> None:
    url, others = storage_first(storage, *(ids or ()), None)
    parts = [part for part in others if part is not None]
    if bool(parts) == (where is not None):
        raise typer.BadParameter(
            "name jobs by their ids, or choose them: --state, --queue, --task, --run-id."
        )
    screen = Screen(json=json)
    run(screen, _alter(screen, verb, url, token, parts, where, limit))


async def _alter(
    screen: Screen,
    verb: _Verb,
    url: str,
    token: str | None,
    parts: list[str],
    where: Filter | None,
    limit: int | None,
) -> int:
    async with opened(url, token) as storage:
        client = Client(storage, namespaces="*")
        if where is not None:
            changed, code = await Altering(storage, Filter()).many(where, verb.change, limit=limit), OK
        else:
            rows = [await find_job(storage, part) for part in parts]  # all are found before one is changed
            verbs: dict[Alteration, Callable[[str], Awaitable[bool]]] = {
                "cancel": client.cancel,
                "requeue": client.retry,
                "remove": client.delete,
            }
            left = [row for row in rows if not await verbs[verb.change](row.id)]
            for row in left:
                screen.refuse("not_changed", f"job {row.id} is {row.state}: {verb.only}.")
            changed, code = len(rows) - len(left), REFUSED if left else OK
    if screen.json and code == OK:
        screen.data({"changed": changed})
    elif changed or code == OK:
        screen.note(f"{verb.done}: {count(changed, 'job')}.")
    return code
