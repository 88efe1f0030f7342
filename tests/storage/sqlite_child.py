"""Another process on the same file: `python sqlite_child.py COMMAND PATH`; it says one fact a line."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from wherry.errors import WherryError
from wherry.ids import new_id
from wherry.messages import ClaimRequest, Filter, NewJob, RecordWrite, Settlement
from wherry.storage.sqlite import SQLiteStorage


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def told() -> None:
    """Wait for a line from the parent."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def job(job_id: str, payload: str = "null") -> NewJob:
    return NewJob(job_id, "n", "q", "t", payload)


async def open_it(path: str) -> None:
    """Open when told; say the store's cursor."""
    say("ready")
    await told()
    async with SQLiteStorage(path) as storage:
        say((await storage.changes("", limit=1)).cursor)  # pyright: ignore[reportArgumentType] - "" is a cursor


async def drain(path: str) -> None:
    """Claim and complete until nothing is left; say each id."""
    async with SQLiteStorage(path) as storage:
        say("ready")
        await told()
        settle: list[Settlement] = []
        while True:
            request = ClaimRequest(new_id(), str(os.getpid()), ("n",), None, ("t",), 7, 30_000)
            exchanged = await storage.exchange(settle, request)
            if not exchanged.jobs:
                return
            settle = [Settlement(each.id, each.fence, "complete", "1") for each in exchanged.jobs]
            say(*(each.id for each in exchanged.jobs))


async def add_for_ever(path: str) -> None:
    """Add jobs; say the id of each once it is stored."""
    async with SQLiteStorage(path) as storage:
        while True:
            job_id = new_id()
            await storage.add([job(job_id)])
            say(job_id)


class _Hanging(list[NewJob]):
    """Jobs at whose end the store's thread waits for the parent, once."""

    hung = False

    def __iter__(self) -> Iterator[NewJob]:
        yield from super().__iter__()
        if threading.current_thread() is not threading.main_thread() and not self.hung:
            self.hung = True
            say("inside")
            sys.stdin.readline()


async def stay_inside(path: str) -> None:
    """Write a record, and stay in the middle of its transaction."""
    async with SQLiteStorage(path) as storage:
        await storage.add(_Hanging([job("half")]), records=[RecordWrite("kind", "half", 0, "1")])


async def listen(path: str) -> None:
    """Say when each hint came, in nanoseconds of the machine's clock."""
    async with SQLiteStorage(path) as storage:
        async for _ in storage.listen():
            say(time.monotonic_ns())


async def add_when_told(path: str) -> None:
    """Add a job for each line; say when it was stored."""
    async with SQLiteStorage(path) as storage:
        say("ready")
        while True:
            await told()
            await storage.add([job(new_id())])
            say(time.monotonic_ns())


async def fill_the_disk(path: str) -> None:
    """Add until this process may write no more; say what that raises, and what is stored."""
    async with SQLiteStorage(path) as storage:
        await storage.add([job("before")])
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        try:
            while True:
                await storage.add([job(new_id(), "9" * 50_000), job(new_id(), "9" * 50_000)])
        except WherryError as error:
            say(error.code, type(error.__cause__).__name__)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        count = (await storage.count(Filter()))[()]
        say(count % 2, (await storage.add([job("after")]))[0].verdict)


async def open_as_nobody(path: str) -> None:
    """Open as a user who may only read; say what that raises."""
    with tempfile.TemporaryDirectory() as directory:
        # Whatever is imported or read late must be there before this user can read no more.
        async with SQLiteStorage(Path(directory) / "other.db") as storage:
            await storage.add([job("a")])
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        async with SQLiteStorage(path):
            say("opened")
    except WherryError as error:
        say(error.code, error)


COMMANDS: dict[str, Callable[[str], Awaitable[None]]] = {
    command.__name__: command
    for command in (
        open_it, drain, add_for_ever, stay_inside, listen, add_when_told, fill_the_disk, open_as_nobody,
    )
}  # fmt: skip


async def main() -> None:
    await COMMANDS[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    asyncio.run(main())
