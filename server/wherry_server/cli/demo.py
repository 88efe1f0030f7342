"""`wherry demo`: one screen, two shores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wherry_server.cli.arguments import DEFAULT_PORT
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import run


def demo(
    site: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The tab's runtime, made by build.py; may still be in the making."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the jobs are kept; a fresh folder without it.")
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="0 for any; in use: the next.")
    ] = DEFAULT_PORT,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
    check: Annotated[
        bool, typer.Option("--check", help="Play it in a headless browser; exit with 0 or 1.")
    ] = False,
    shots: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Screenshots of the --check, light and dark."),
    ] = None,
) -> None:
    """Play with jobs in this browser and on this machine.

    Serves a page on loopback, with a worker beside it that can be killed. Ctrl-C stops it and says where
    the data is.
    """
    from wherry_server.demo.site import find_site

    screen = Screen()
    found = find_site(site)
    if check:
        from wherry_server.demo.check import run_check

        run(screen, run_check(screen, site=found, data=data, shots=shots))
    from wherry_server.demo.run import run_demo

    run(screen, run_demo(screen, site=found, data=data, port=port, browser=open_browser))
