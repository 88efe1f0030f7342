"""One real server on loopback for all tests, in a thread of its own; apps come and go below it."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from wherry_server.serving import Address, serve


class Loopback:
    """uvicorn in a thread: starting and stopping one for each test would take most of the time."""

    def __init__(self) -> None:
        self._routes: list[BaseRoute] = []
        self._numbers = itertools.count(1)
        self._address: Future[Address] = Future()
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="loopback", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        app = Starlette()
        app.router.routes = self._routes
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve(app, stop=self._stop, port=0, started=self._address.set_result))

    @contextmanager
    def mounted(self, app: Starlette) -> Generator[str]:
        """The app's URL while it is there; afterwards its streams end."""
        prefix = f"/{next(self._numbers)}"
        route = Mount(prefix, app=app)
        url = self._address.result(timeout=10).url + prefix
        self._loop.call_soon_threadsafe(self._routes.append, route)
        try:
            yield url
        finally:
            self._loop.call_soon_threadsafe(app.state.service.close)
            self._loop.call_soon_threadsafe(self._routes.remove, route)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)


@cache
def loopback() -> Loopback:
    """The one server of this test run, started when it is first wanted."""
    server = Loopback()
    atexit.register(server.close)
    return server
