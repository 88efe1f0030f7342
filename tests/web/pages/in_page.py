"""Runs in Pyodide, in the worker of a test page; see python-worker.js.

Each function answers with text: a traceback, empty if all was well, or JSON.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import wherry_idb  # pyright: ignore[reportMissingImports] - the JavaScript module, registered by the worker

from wherry.clock import ManualClock
from wherry.ids import new_id
from wherry.testing.conformance import CASES, World
from wherry.testing.simulate import simulate
from wherry_web.indexeddb import IndexedDBStorage


@asynccontextmanager
async def database(clock: ManualClock) -> AsyncGenerator[Callable[[], IndexedDBStorage]]:
    """A new database; yields what opens it, as often as wanted."""
    name = new_id()
    try:
        yield lambda: IndexedDBStorage(name, clock=clock)
    finally:
        await wherry_idb.deleteStore(name)


async def run_case(name: str) -> str:
    """Run one conformance case on a database of its own."""
    clock = ManualClock()
    try:
        async with database(clock) as another, another() as storage:
            await CASES[name].run(World(storage, clock, another))
    except Exception:
        return traceback.format_exc()
    return ""


async def run_seeds(count: int) -> str:
    """The digests of the first seeds of the simulator, as JSON."""
    return json.dumps([simulate(seed, workers=2, clients=1, jobs=4).digest for seed in range(count)])
