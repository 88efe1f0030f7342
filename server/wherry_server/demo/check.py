"""`wherry demo --check`: plays the demo in a headless browser and tells what held."""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from rich.text import Text

from wherry_server.cli.screen import Screen
from wherry_server.cli.session import JOB_FAILED, OK
from wherry_server.cli.words import duration, one_line
from wherry_server.demo.browser import Watch, headless
from wherry_server.demo.plays import PLAYS, Play, shoot
from wherry_server.demo.run import running_demo, tick
from wherry_server.demo.site import Site
from wherry_server.demo.stage import Missed, Stage

_FAILURE_WIDTH = 2000


async def run_check(screen: Screen, *, site: Site, data: Path | None, shots: Path | None) -> int:
    """Play everything once; 0 when all of it held, 1 when something did not.

    Raises: `NoBrowser`, and what starting the demo raises.
    """
    async with AsyncExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wherry-check-")))
        demo = await stack.enter_async_context(running_demo(screen, site=site, data=folder))
        context = await stack.enter_async_context(headless())
        watch = Watch()
        page = await context.new_page()
        watch.follow(page)
        await page.goto(demo.address)
        stage = Stage(context, page, watch, demo)
        plays = [*PLAYS, ("screenshots", partial(shoot, folder=shots))] if shots else list(PLAYS)
        failed = [title for title, one in plays if not await play(screen, stage, title, one, shots)]
    screen.show("")
    if failed:
        screen.show(Text(f"{len(failed)} of {len(plays)} checks failed: {', '.join(failed)}.", "rust"))
        return JOB_FAILED
    screen.show(Text(f"All {len(plays)} checks passed.", "moss"))
    return OK


async def play(screen: Screen, stage: Stage, title: str, one: Play, shots: Path | None) -> bool:
    from playwright.async_api import Error

    started_s = time.monotonic()
    try:
        note = await one(stage)
    except (Missed, Error) as error:
        took = duration((time.monotonic() - started_s) * 1000)
        head = (f"  {screen.mark('failed')} {title}  ", "rust")
        screen.show(Text.assemble(head, f"{took}  {one_line(str(error), _FAILURE_WIDTH)}"))
        await _keep_picture(stage, title, shots)
        return False
    tick(screen, title, started_s, note)
    return True


async def _keep_picture(stage: Stage, title: str, shots: Path | None) -> None:
    if shots is not None:
        name = "".join(letter if letter.isalnum() else "-" for letter in title)
        await stage.page.screenshot(path=shots / f"failed-{name}.png", full_page=True)
