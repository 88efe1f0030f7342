"""The command line as a whole: commands by name."""

from __future__ import annotations

from typing import Annotated

import typer

import wherry
from wherry_server.cli.altering import cancel, delete, retry
from wherry_server.cli.asking import result, why, workers
from wherry_server.cli.demo import demo
from wherry_server.cli.list_jobs import list_jobs
from wherry_server.cli.pausing import pause, resume
from wherry_server.cli.serve import serve
from wherry_server.cli.show import show
from wherry_server.cli.site import site
from wherry_server.cli.submit import submit
from wherry_server.cli.watch import watch
from wherry_server.cli.worker import worker

_EPILOG = (
    "Exit codes: 0 well, 1 the job failed, 2 refused (wrong command line, bad input, storage not there), "
    "3 no such job, 130 interrupted."
)


_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def make_app() -> typer.Typer:
    """Every command, in the order in which a newcomer meets them."""
    app = typer.Typer(
        name="wherry",
        # Quiet help: no boxes, and no colours to guess a terminal's ground for.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings=_HELP,
        epilog=_EPILOG,
        add_completion=False,
    )
    app.callback()(_root)
    for name, command in COMMANDS.items():
        app.command(name, epilog=_EPILOG, context_settings=_HELP)(command)
    return app


COMMANDS = {
    "demo": demo,
    "serve": serve,
    "site": site,
    "worker": worker,
    "submit": submit,
    "list": list_jobs,
    "show": show,
    "watch": watch,
    "result": result,
    "why": why,
    "cancel": cancel,
    "retry": retry,
    "delete": delete,
    "pause": pause,
    "resume": resume,
    "workers": workers,
}


def _version(asked: bool) -> None:
    if asked:
        typer.echo(wherry.__version__)
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """wherry: durable jobs, run by the same Python in the browser tab and on the server."""
