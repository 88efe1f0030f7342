"""R7: which tasks can have a process of their own, and that no process outlives its worker."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core import isolated_tasks as its
from wherry import InvalidInput, Server, Task, create_task, open_storage, task
from wherry.errors import InvalidTask

WORKER = """
import asyncio, sys
from tests.core import isolated_tasks as its
from wherry import Client, Server, open_storage

async def main():
    async with open_storage("memory:") as storage, Server(storage, its.tasks()):
        client = Client(storage, tasks=its.tasks())
        await client.submit(getattr(its, sys.argv[1]), sys.argv[2])
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("blocking", ["hang", "sleep"])
def test_a_killed_worker_leaves_no_orphan(tmp_path: Path, blocking: str) -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER, blocking, str(tmp_path / "pid")]) as worker:
        try:
            pid = int(its.content(tmp_path / "pid"))
        finally:
            worker.send_signal(signal.SIGKILL)

    assert its.ends(pid)


# --- at the door ------------------------------------------------------------------------------------
def local() -> Task[str, str]:
    @task(isolation="process")
    def nested(text: str) -> str:
        return text

    return nested


def unnamed() -> Task[Any, Any]:
    return create_task("unnamed", lambda text: text, isolation="process")


@pytest.mark.parametrize("make", [local, unnamed])
async def test_a_task_that_no_process_can_find_is_refused(make: Callable[[], Task[Any, Any]]) -> None:
    async with open_storage("memory:") as storage:
        with pytest.raises(InvalidTask, match="define it at the top level of a module"):
            await Server(storage, [make()]).start()


def test_an_unknown_isolation_is_refused() -> None:
    with pytest.raises(InvalidInput, match="isolation: must be 'process', 'worker' or None, not 'thread'"):
        create_task("t", len, isolation="thread")  # type: ignore[arg-type]


def test_isolation_belongs_to_servers() -> None:
    assert its.area.place == "server"
    with pytest.raises(InvalidInput, match="place: isolation='process' is for servers"):
        create_task("t", len, isolation="process", place="browser")


SCRIPT = """
import asyncio
from wherry import Client, Server, open_storage, task

class Odd(Exception):
    pass

@task(isolation="process", max_attempts=1)
def check(number: int) -> int:
    if number % 2:
        raise Odd(number)
    return number

async def main():
    async with open_storage("memory:") as storage, Server(storage, [check]) as server:
        client = Client(storage)
        client.attach(server)
        print(await (await client.submit(check, 2)).result())
        try:
            await (await client.submit(check, 3)).result()
        except Odd as error:
            print("odd", error)
"""


def run_script(*arguments: str, stdin: str | None = None) -> str:
    ended = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.stdout + ended.stderr


def test_tasks_of_a_script_are_found(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(f"{SCRIPT}\nif __name__ == '__main__':\n    asyncio.run(main())\n")

    assert run_script(str(tmp_path / "script.py")) == "2\nodd 3\n"


def test_a_script_without_its_guard_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(f"{SCRIPT}\nasyncio.run(main())\n")

    assert "under `if __name__ == '__main__':`" in run_script(str(tmp_path / "script.py"))


def test_an_interactive_session_is_refused() -> None:
    assert "define it at the top level of a module" in run_script(
        "-", stdin=f"{SCRIPT}\nasyncio.run(main())\n"
    )
