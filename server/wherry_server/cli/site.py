"""`wherry site`: a folder for any web server, with the tab's Python and the app's tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from wherry_server.cli.arguments import JsonOption
from wherry_server.cli.screen import Screen, columns
from wherry_server.cli.session import OK, run
from wherry_server.cli.worker import split_names

Compression = Literal["quick", "best"]


def site(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if need be; other files in it stay.")],
    tasks: Annotated[
        list[str] | None,
        typer.Option("--tasks", metavar="MODULE", help="Of the app, as `wherry worker` takes it."),
    ] = None,
    packages: Annotated[
        list[str] | None,
        typer.Option(
            "--packages",
            metavar="NAME",
            help="humanize, humanize==4.* or ./x.whl; may be given again.",
        ),
    ] = None,
    compression: Annotated[
        Compression, typer.Option(help="Of the .br files beside the others; best takes a minute.")
    ] = "quick",
    check: Annotated[
        bool,
        typer.Option("--check/--no-check", help="First import the tasks in the tab's Python."),
    ] = True,
    json: JsonOption = False,
) -> None:
    """Make a site that runs the tasks in its visitors' browsers.

    The first time it fetches the tab's Python (5 MB) by npm and pip, and keeps it in the user's cache. Any
    web server can hand the folder out, also below a path; the same command again makes a new build and keeps
    the last one for tabs that are open.
    """
    screen = Screen(json=json)
    run(screen, make(screen, folder, split_names(tasks), packages or (), compression, check=check))


async def make(
    screen: Screen,
    folder: Path,
    tasks: Sequence[str],
    packages: Sequence[str],
    compression: Compression,
    *,
    check: bool,
) -> int:
    """Make it and say what it holds."""
    # Nothing else needs these, and they take long to import.
    from wherry_server.site.maker import Order, make_site
    from wherry_server.site.publish import BEST, QUICK

    quality = BEST if compression == "best" else QUICK
    order = Order(folder, tasks, packages, quality, check)
    manifest = make_site(order, lambda step: screen.note(f"{step[0].upper()}{step[1:]}."))
    if screen.json:
        named = ("build", "pyodide", "python", "tasks", "modules", "packages", "start", "offline", "files")
        screen.data({"folder": str(folder), **{name: manifest[name] for name in named}})
    else:
        show(screen, folder, manifest)
    return OK


def show(screen: Screen, folder: Path, manifest: dict[str, Any]) -> None:
    """What was published, and what visitors fetch."""
    from wherry_server.site.sizes import groups, megabytes

    table = columns("part", "brotli", "gzip", right=("brotli", "gzip"))
    for group in groups(manifest):
        table.add_row(group.name, megabytes(group.br), megabytes(group.gz))
    screen.show(table)
    for name, found in (("Tasks", manifest["tasks"]), ("Modules", manifest["modules"])):
        if found:
            screen.note(f"{name}: {', '.join(found)}.")
    pages = f" Start from {folder / 'index.html'}." if manifest["start"] else ""
    screen.note(
        f"{folder} holds build {manifest['build']}.{pages} Try it: python3 -m http.server -d {folder}"
    )
