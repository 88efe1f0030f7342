"""Runs the demo: the server first, then its worker; at the end it says what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from wherry import Filter, open_storage
from wherry.storage.protocol import Storage
from wherry.sweeper import Sweeper
from wherry_server.cli.screen import Screen
from wherry_server.cli.session import OK, Interrupts
from wherry_server.cli.words import duration
from wherry_server.demo.app import create_demo_app
from wherry_server.demo.crew import LEASE_S, Crew
from wherry_server.demo.site import Site
from wherry_server.serving import Address, serving

# As wide as the lines of build.py, which stand above them.
_TITLE_WIDTH, _TIME_WIDTH = 22, 9
_WORKER_WAIT_S = 20.0
_UNFINISHED = ("pending", "running", "blocked", "suspended")


class Running(NamedTuple):
    """A demo that runs."""

    address: str
    """With the token in its fragment."""
    url: str
    """Without."""
    token: str
    data: Path
    storage: Storage
    crew: Crew


async def run_demo(screen: Screen, *, site: Site, data: Path | None, port: int, browser: bool) -> int:
    """Serve until stopped.

    Args:
        site: the tab's runtime, complete or not.
        data: the folder of the jobs; None makes a fresh one.
        port: the first to try.
        browser: open the address in one.

    Raises: what opening the storage raises; OSError when no port is free.
    """
    interrupts = Interrupts()
    with _folder(data) as folder, interrupts.heard(first=lambda: screen.note("\nStopping.")):
        async with running_demo(screen, site=site, data=folder, port=port) as demo:
            screen.show("")
            screen.text(demo.address)
            screen.show("")
            _explain(screen, demo, site)
            if browser and _has_display():
                threading.Thread(target=webbrowser.open, args=(demo.address,), daemon=True).start()
            await interrupts.stop.wait()
            await demo.crew.stop()
            left = await _left(demo.storage)
        if data is None and not left:
            shutil.rmtree(folder, ignore_errors=True)
            screen.note("No jobs were made, so nothing is left behind.")
            return OK
        for line in parting_words(left, folder):
            screen.note(line)
    return OK


@asynccontextmanager
async def running_demo(screen: Screen, *, site: Site, data: Path, port: int = 0) -> AsyncGenerator[Running]:
    """The demo, while the context is entered; ticks its parts off as they come up."""
    token = secrets.token_urlsafe(18)
    started_s = time.monotonic()
    url = f"sqlite:{data / 'jobs.db'}"
    ready = asyncio.Event()
    async with open_storage(url) as storage:
        tick(screen, "storage", started_s, str(data / "jobs.db"))
        crew = Crew(url, storage, data / "worker.log", ready.set)
        app = create_demo_app(storage, token=token, data=data, site=site, crew=crew)
        sweeping = asyncio.create_task(Sweeper(storage, lease_ms=round(LEASE_S * 1000)).run())
        async with serving(app, port=port) as address:
            tick(screen, "server", started_s, _port_note(address, port))
            crew.start()
            try:
                await _until_ready(screen, crew, ready, site)
                at = f"{address.url}/demo/#token={token}"
                yield Running(at, address.url, token, data, storage, crew)
            finally:
                await crew.stop()
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping


async def _until_ready(screen: Screen, crew: Crew, ready: asyncio.Event, site: Site) -> None:
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(_WORKER_WAIT_S):
            await ready.wait()
    except TimeoutError:
        screen.note(f"The worker is not ready after {_WORKER_WAIT_S:g} s; the page says when it is.")
    else:
        tick(screen, "worker", began_s, f"a process of its own, {crew.status()['pid']}")
    build = site.build
    if build is not None:
        tick(
            screen,
            "tab runtime",
            None,
            f"build {build.name}, {build.sizes['br'] / 1e6:.1f} MB on the way to a browser",
        )


def tick(screen: Screen, title: str, since_s: float | None, note: str) -> None:
    """One line a part that is up, with the time it took; `since_s` is monotonic, None: it was there."""
    if screen.json:
        return
    mark = "✓" if screen.speaks("✓") else "*"
    took = "" if since_s is None else duration((time.monotonic() - since_s) * 1000)
    screen.show(
        Text.assemble(
            (f"  {mark} ", "moss"), f"{title:<{_TITLE_WIDTH}}{took:>{_TIME_WIDTH}}  ", (note, "fog")
        )
    )


def _port_note(address: Address, wanted: int) -> str:
    taken = f"; {wanted} was taken" if wanted not in (0, address.port) else ""
    return f"only this machine reaches it, port {address.port}{taken}"


def _explain(screen: Screen, demo: Running, site: Site) -> None:
    lines = ["Open it in a browser. Ctrl-C stops.", f"From another terminal: wherry watch {demo.storage.url}"]
    status = site.status()
    if status["state"] == "building":
        lines.insert(0, "The tab's Python is still being made; the page says when it is there.")
    elif status["remedy"]:
        lines.insert(0, status["remedy"])
    screen.show(*(Text(f"  {line}", "fog") for line in lines))


def _has_display() -> bool:
    """A terminal browser would take this terminal over."""
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


# --- the end -------------------------------------------------------------------------------------
@contextmanager
def _folder(given: Path | None) -> Generator[Path]:
    """The folder of the jobs: the one given, or a fresh one that goes again if the demo never came up."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    fresh = Path(tempfile.mkdtemp(prefix="wherry-demo-"))
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


async def _left(storage: Storage) -> dict[str, int]:
    counts = await storage.count(Filter(), by=["state"])
    return {state[0]: number for state, number in counts.items()}


def parting_words(left: dict[str, int], folder: Path) -> list[str]:
    """What stands in the terminal when the demo has ended.

    Args:
        left: numbers of jobs by state.
        folder: where they are.
    """
    unfinished = sum(left.get(state, 0) for state in _UNFINISHED)
    finished = ", ".join(f"{number:,} {state}" for state, number in left.items() if state not in _UNFINISHED)
    if unfinished:
        jobs = "1 unfinished job goes" if unfinished == 1 else f"{unfinished:,} unfinished jobs go"
        words = f"Left running or waiting: {jobs} on with the next start."
    else:
        words = "Nothing is left unfinished."
    kept = f"The data is in {folder}; to go on: wherry demo --data {folder}"
    return [f"{words} {finished}{'.' if finished else ''}".rstrip(), kept]
