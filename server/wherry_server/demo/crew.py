"""The demo's worker: a process of its own, so that a button can kill it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wherry.messages import Filter
from wherry.storage.protocol import Storage
from wherry_server.cli.processes import Child
from wherry_server.demo.pages import TASK_MODULES
from wherry_server.problems import Refusal

LEASE_S = 5.0
"""Short, so that a person can watch it run out."""
CONCURRENCY = 4
_SHUTDOWN_S = 3.0
_MOST_RUNNING = 100
_ERROR_LINES = 8


class Crew:
    """One worker process at a time, named `demo-1`, `demo-2` and so on; a killed one is followed by the next.

    Args:
        url: the storage, as the worker opens it.
        storage: the same, opened here.
        log: takes what the workers write to stderr.
        ready: called when a worker has begun to claim.
    """

    def __init__(self, url: str, storage: Storage, log: Path, ready: Callable[[], None]) -> None:
        self._url, self._storage, self._log, self._ready = url, storage, log, ready
        self._numbers = itertools.count(1)
        self.name = ""
        self._since_ms = _now_ms()
        self._is_ready = False
        self._child = Child(self._arguments, lines=self._heard, log=log)
        self._keeping: asyncio.Task[int] | None = None

    def start(self) -> None:
        """Start the first worker, and keep one running from now on."""
        self._keeping = asyncio.create_task(self._child.keep())

    async def stop(self) -> None:
        """Let the worker finish or hand back its jobs, and start no other."""
        self._child.stop()
        if self._keeping is not None:
            await self._keeping

    async def kill(self) -> dict[str, Any]:
        """SIGKILL the worker; tell which jobs it held.  Raises: `Refusal` while there is none."""
        pid = self._child.pid
        if pid is None or not self._is_ready:
            raise Refusal(409, "worker_restarting", "there is no worker now: the next one is starting.")
        jobs = await self._held()
        self._child.kill()
        self._is_ready = False
        return {
            "name": self.name,
            "pid": pid,
            "signal": 9,
            "at_ms": _now_ms(),
            "lease_ms": round(LEASE_S * 1000),
            "jobs": jobs,
        }

    async def _held(self) -> list[dict[str, Any]]:
        rows, _ = await self._storage.query(Filter(states=["running"]), limit=_MOST_RUNNING)
        told = ("id", "task", "fence", "attempt", "lease_until_ms")
        return [{name: getattr(row, name) for name in told} for row in rows if row.worker == self.name]

    def status(self) -> dict[str, Any]:
        """As the page reads it."""
        state = self._child.state
        if state == "running" and not self._is_ready:
            state = "starting"
        return {
            "state": state,
            "name": self.name,
            "pid": self._child.pid,
            "restarts": self._child.restarts,
            "since_ms": self._since_ms,
            "error": self._last_words() if state in ("stopped", "restarting") else None,
        }

    def _last_words(self) -> str | None:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            return None
        return "\n".join(lines[-_ERROR_LINES:]) or None

    def _arguments(self) -> list[str]:
        self.name = f"demo-{next(self._numbers)}"
        self._is_ready = False
        self._since_ms = _now_ms()
        modules = ",".join(module.__name__ for module in TASK_MODULES)
        order = ["worker", self._url, "--tasks", modules, "--name", self.name]
        order += ["--concurrency", str(CONCURRENCY), "--lease", str(LEASE_S)]
        order += ["--shutdown-timeout", str(_SHUTDOWN_S)]
        return [*order, "--json", "--quiet", "--while-stdin"]

    def _heard(self, line: str) -> None:
        if json.loads(line).get("event") == "ready":
            self._is_ready = True
            self._since_ms = _now_ms()
            self._ready()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
