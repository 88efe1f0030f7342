"""Tasks with `isolation="process"`: what they do to their process would end a worker."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wherry import Backoff, Context, PermanentError, Snooze, Task, create_task, task

AT_ONCE = Backoff(first=0.0, jitter=0)
isolated = task(isolation="process", retry=AT_ONCE)


class Size(BaseModel):
    width: int
    height: int


def write(path: str, fact: object) -> None:
    """All of it at once: tests wait for the file."""
    Path(f"{path}-new").write_text(str(fact))
    Path(f"{path}-new").rename(path)


class OwnError(Exception):
    """Known to worker and client by its module."""


@isolated
def area(size: Size) -> int:
    return size.width * size.height


@isolated
async def process_id() -> int:
    sys.stdout.write("what handlers print is log")
    return os.getpid()


@task(isolation="process")
class Shout:
    def execute(self, input: str, context: Context) -> str:
        return input.upper()


double = create_task("double", lambda number: number * 2, isolation="process")


@isolated
def tell(lines: int, context: Context) -> str:
    """Report from a blocking handler."""
    context.progress(40, "under way", {"of": lines})
    for line in range(lines):
        context.log(f"line {line}")
    return f"{context.job.task} {context.attempt}"


@isolated
async def submit_children(numbers: list[int], context: Context) -> list[int]:
    handles = [await context.submit(double, number) for number in numbers]
    named = await context.submit("double", 21, tags=("named",), after=handles)
    return [*[await handle.result(10) for handle in handles], await named]


@isolated
async def submit_unknown(name: str, context: Context) -> None:
    await context.submit(name, 1)


@isolated
async def wait_for_failure(message: str, context: Context) -> None:
    handle = await context.submit(fail, message, max_attempts=1)
    await handle.result(10)


@isolated
def fail(message: str) -> None:
    raise OwnError(message)


@isolated
def give_up(message: str) -> None:
    raise PermanentError(message)


@isolated
def snooze_once(path: str) -> str:
    if not Path(path).exists():
        Path(path).touch()
        raise Snooze(0.01)
    return "rested"


@isolated
def wrong_output(value: Any) -> int:
    return value


@task(isolation="process", retry=AT_ONCE, max_attempts=2)
def crash(how: str) -> None:
    match how:
        case "exit":
            os._exit(3)
        case "sys.exit":
            sys.exit(4)
        case _:
            os.kill(os.getpid(), getattr(signal, how))


@isolated
def crash_once(path: str) -> str:
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return "survived"


@isolated
def hang(path: str) -> None:
    """In a regular expression, which lets no other thread run and sees no signal."""
    write(path, os.getpid())
    re.match(r"(a|a)*b", "a" * 60)


@isolated
def sleep(path: str) -> None:
    """Blocks, and cleans up when it is ended."""
    try:
        write(path, os.getpid())
        time.sleep(60)
    finally:
        Path(f"{path}-left").touch()


@isolated
async def sleep_async(path: str, context: Context) -> None:
    try:
        write(path, os.getpid())
        await asyncio.sleep(60)
    finally:
        write(f"{path}-left", context.cancelled)


@isolated
def start_another(path: str) -> None:
    """A program of its own, as a converter would run one."""
    program = subprocess.Popen(["sleep", "60"])
    write(path, f"{os.getpid()} {program.pid}")
    program.wait()


def tasks() -> list[Task[Any, Any]]:
    return [one for one in globals().values() if isinstance(one, Task)]


# --- what tests see of it ----------------------------------------------------------------------------
def content(path: Path) -> str:
    """What a handler has written, once it has."""
    limit_s = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < limit_s, "the handler has not begun"
        time.sleep(0.01)
    return path.read_text()


def ends(pid: int) -> bool:
    """Whether a process ends within ten seconds: much, for a machine under load."""
    limit_s = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < limit_s:
        time.sleep(0.01)
    return not is_alive(pid)


def is_alive(pid: int) -> bool:
    """A zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # also in the midst of the read
        return False
