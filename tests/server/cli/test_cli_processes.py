"""J1, R3, R10, Q1-Q5: commands as processes, and what signals do to them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.server.cli.command import TASKS, Wherry, rows, started, until
from wherry import Client, Filter, open_storage
from wherry.messages import Cursor

BASIC = ("--tasks", "wherry.examples.basic")

LEDGER = '''
import os, time
from wherry import task

def note(path, line):
    """One write, which the system appends whole."""
    ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, (line + "\\n").encode())
    os.close(ledger)

@task(name="ledger.write")
def write(entry: dict, context) -> int:
    note(entry["path"], f"begin {entry['number']} {context.attempt}")
    time.sleep(0.05)
    note(entry["path"], f"end {entry['number']} {context.attempt}")
    return context.attempt
'''


def states(url: str) -> Counter[str]:
    return Counter(row.state for row in rows(url))


def under_way(url: str) -> bool:
    """Whether the one job has told of itself: the row says `running` before its worker knows."""
    return [row.percent is not None for row in rows(url)] == [True]


# --- worker ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_hands_back_what_does_not_end_in_time(
    wherry: Wherry, url: str, tmp_path: Path, number: signal.Signals
) -> None:
    with started("worker", url, *BASIC, "--shutdown-timeout", "0.5", cwd=tmp_path) as worker:
        job = wherry("submit", url, "wait", "60").out.strip()
        until(lambda: under_way(url), lambda: str(states(url)))

        worker.send(number)

        assert worker.ended() == 0
    assert any(line.startswith("Stopping: 1 job may go on for 0.5 s") for line in worker.out)
    assert f"Handed back 1 job, uncharged: {job[-12:]} wait." in worker.out
    (row,) = rows(url)
    assert (row.state, row.attempt, row.interruptions) == ("pending", 0, 1)
    assert worker.err == []


def test_a_worker_that_is_stopped_lets_short_jobs_end(wherry: Wherry, url: str, tmp_path: Path) -> None:
    with started("worker", url, *BASIC, cwd=tmp_path) as worker:
        wherry("submit", url, "wait", "1")
        until(lambda: under_way(url), lambda: str(states(url)))

        worker.send(signal.SIGTERM)

        assert worker.ended() == 0
    assert states(url) == {"completed": 1}
    assert worker.out[-1] == "All jobs are finished."


def test_a_second_signal_ends_a_worker_at_once(wherry: Wherry, url: str, tmp_path: Path) -> None:
    with started("worker", url, *BASIC, "--shutdown-timeout", "60", cwd=tmp_path) as worker:
        wherry("submit", url, "wait", "60")
        until(lambda: under_way(url), lambda: str(states(url)))
        worker.send(signal.SIGINT)
        worker.wait_for("^Stopping")

        worker.send(signal.SIGINT)

        assert worker.ended() == 130
    assert states(url) == {"running": 1}
    assert not any("Traceback" in line for line in worker.err)


def test_a_worker_says_a_line_a_job_or_none(wherry: Wherry, url: str, tmp_path: Path) -> None:
    for options, expected in (((), 1), (("--quiet",), 0)):
        with started("worker", url, *BASIC, *options, cwd=tmp_path) as worker:
            worker.wait_for(r"jobs at once  lease 30 s")
            assert wherry("submit", url, "echo", "1", "--wait").out == "1\n"
            worker.send(signal.SIGTERM)
            worker.ended()
        assert sum("● completed" in line for line in worker.out) == expected


def test_a_worker_tells_programs_in_json_lines(wherry: Wherry, url: str, tmp_path: Path) -> None:
    with started(
        "worker", url, *BASIC, "--json", "--name", "w1", "--queues", "default", cwd=tmp_path
    ) as worker:
        worker.wait_for('"ready"')
        job = wherry("submit", url, "echo", "1").out.strip()
        worker.wait_for('"settled"')
        worker.send(signal.SIGTERM)
        worker.ended()

    ready, settled, stopping, stopped = map(json.loads, worker.out)
    assert (ready["event"], ready["worker"], ready["tasks"]) == (
        "ready",
        "w1",
        ["echo", "reverse", "text.count", "wait"],
    )
    assert (settled["job_id"], settled["kind"], settled["verdict"]) == (job, "complete", "ok")
    assert (stopping["running"], stopped["handed_back"]) == ([], [])


def test_a_killed_worker_loses_no_job_and_no_job_has_two_results(url: str, tmp_path: Path) -> None:
    """Q1-Q5: SIGKILL in the middle of 200 jobs; a ledger file and the change feed are the proof."""
    lease_s, ledger = 2.0, tmp_path / "ledger.txt"
    (tmp_path / "ledger_tasks.py").write_text(LEDGER)
    options = ("--tasks", "ledger_tasks", "--lease", str(lease_s), "--concurrency", "4", "--quiet")
    with (
        started("worker", url, *options, "--name", "first", cwd=tmp_path) as first,
        started("worker", url, *options, "--name", "second", cwd=tmp_path) as second,
    ):
        first.wait_for("jobs at once")
        second.wait_for("jobs at once")
        cursor = asyncio.run(submit_entries(url, ledger, 200))
        until(lambda: ledger.exists() and ledger.read_text().count("end") >= 60, lambda: str(states(url)))
        first.send(signal.SIGKILL)
        killed_s = time.monotonic()
        first.ended()
        held = {row.id for row in rows(url, states=["running"]) if row.worker == "first"}
        until(lambda: not held & unfinished(url), lambda: str(states(url)), lease_s + 5)
        recovered_s = time.monotonic() - killed_s
        until(lambda: states(url) == {"completed": 200}, lambda: str(states(url)), 60)
        second.send(signal.SIGTERM)
        assert second.ended() == 0

    assert held, "the kill fell between two jobs"
    assert recovered_s < lease_s + 5
    check_ledger(url, ledger, cursor, held)


async def submit_entries(url: str, ledger: Path, number: int) -> Cursor:
    """Submit the jobs; the place in the feed before the first."""
    async with open_storage(url) as storage:
        cursor = (await storage.changes(Cursor(""), limit=1)).cursor
        client = Client(storage)
        for one in range(number):
            await client.submit("ledger.write", {"path": str(ledger), "number": one})
        return cursor


def unfinished(url: str) -> set[str]:
    return {row.id for row in rows(url) if row.state != "completed"}


def check_ledger(url: str, ledger: Path, cursor: Cursor, held: set[str]) -> None:
    """Every job ran; each accepted result is one that the ledger saw end, and was told once."""
    ended = Counter(
        tuple(line.split()[1:]) for line in ledger.read_text().splitlines() if line.startswith("end")
    )
    jobs = rows(url)
    assert len(jobs) == 200
    for row in jobs:
        number, attempt = json.loads(row.input)["number"], json.loads(row.output or "0")
        assert ended[str(number), str(attempt)] == 1
        assert row.attempt == attempt == (2 if row.id in held else 1)
    assert asyncio.run(completions(url, cursor)) == {row.id: 1 for row in jobs}


async def completions(url: str, cursor: Cursor) -> Counter[str]:
    """How often the feed told of each job's completion."""
    found: Counter[str] = Counter()
    async with open_storage(url) as storage:
        while (page := await storage.changes(cursor, limit=500)).items:
            assert not page.resync
            found.update(item.job_id for item in page.items if item.kind == "completed")
            cursor = page.cursor
    return found


# --- several processes -----------------------------------------------------------------------------
def workers_of(parent: int) -> list[int]:
    """Its child processes."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in found.split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads child processes from /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_worker_processes_are_kept_running_and_end_with_their_parent(
    wherry: Wherry, url: str, tmp_path: Path, number: signal.Signals
) -> None:
    with started("worker", url, *BASIC, "--processes", "2", "--name", "w", "--json", cwd=tmp_path) as parent:
        parent.wait_for('"worker":"w:1"')
        parent.wait_for('"worker":"w:2"')
        assert wherry("submit", url, "reverse", "abc", "--wait").out == "cba\n"

        os.kill(workers_of(parent.process.pid)[0], signal.SIGKILL)
        until(lambda: sum('"ready"' in line for line in parent.out) == 3, lambda: str(parent.out))

        children = workers_of(parent.process.pid)
        assert len(children) == 2
        parent.send(number)
        until(lambda: not any(map(is_alive, children)), lambda: f"{children} go on")
        assert parent.process.wait(10) == (0 if number == signal.SIGTERM else -signal.SIGKILL)


def test_worker_processes_that_cannot_work_end_the_command(tmp_path: Path) -> None:
    arguments = ("worker", f"sqlite:{tmp_path}/jobs.db", "--tasks", "no.such", "--processes", "2")
    with started(*arguments, cwd=tmp_path) as parent:
        assert parent.ended() == 2
    assert any("[task_module]" in line for line in parent.err)


# --- serve and watch -----------------------------------------------------------------------------------
def test_serve_prints_its_address_with_the_token_alone_on_a_line(wherry: Wherry, tmp_path: Path) -> None:
    arguments = ("serve", f"sqlite:{tmp_path}/jobs.db", "--port", "0", *BASIC)
    with started(*arguments, cwd=tmp_path, environment={"WHERRY_TOKEN": ""}) as server:
        address = server.wait_for(r"^http://127\.0\.0\.1:\d+/#token=[\w-]{20,}$").group()
        bare = address.partition("/#")[0]

        assert wherry("submit", address, "reverse", "abc", "--wait").out == "cba\n"
        assert wherry("list", address).out.count("\n") == 2
        assert wherry("list", bare).err.endswith("[unauthorized]\n")
        wrong = wherry("list", bare, "--token", "wrong")
        assert (wrong.code, wrong.out) == (2, "")

        server.send(signal.SIGINT)
        assert server.ended() == 0
    assert server.out == [address]
    refused = wherry("list", address)
    assert (refused.code, refused.err.split()[-1]) == (2, "[storage_unavailable]")


def test_serve_keeps_a_given_token_to_itself(wherry: Wherry, tmp_path: Path) -> None:
    with started(
        "serve", "memory:", "--port", "0", cwd=tmp_path, environment={"WHERRY_TOKEN": "harbour-light"}
    ) as server:
        address = server.wait_for(r"^http://127\.0\.0\.1:\d+$").group()

        assert wherry("list", address, "--token", "harbour-light").code == 0
        server.send(signal.SIGTERM)
        assert server.ended() == 0
    assert not any("harbour-light" in line for line in [*server.out, *server.err])


def test_serve_refuses_an_address_that_others_reach_only_without_a_token(tmp_path: Path) -> None:
    with started("serve", "memory:", "--host", "0.0.0.0", "--port", "0", cwd=tmp_path) as server:
        server.wait_for(r"^http://0\.0\.0\.0:\d+/#token=")


def test_serve_takes_the_next_port_when_its_own_is_in_use(tmp_path: Path) -> None:
    with started("serve", "memory:", "--port", "0", cwd=tmp_path) as one:
        port = one.wait_for(r"127\.0\.0\.1:(\d+)").group(1)
        with started("serve", "memory:", "--port", port, cwd=tmp_path) as other:
            other.wait_for(f"Port {port} is in use: took")


def test_a_worker_whose_token_is_withdrawn_ends_and_says_why(
    wherry: Wherry, url: str, tmp_path: Path
) -> None:
    with started("serve", url, "--port", "0", "--token", "old", cwd=tmp_path) as server:
        address = server.wait_for(r"^http://127\.0\.0\.1:\d+$").group()
        port = address.rpartition(":")[2]
        with started(
            "worker", address, *BASIC, "--lease", "3", cwd=tmp_path, environment={"WHERRY_TOKEN": "old"}
        ) as worker:
            worker.wait_for("jobs at once")
            wherry("submit", url, "wait", "60")
            until(lambda: states(url) == {"running": 1}, lambda: str(states(url)))
            server.send(signal.SIGTERM)
            server.ended()
            with started("serve", url, "--port", port, "--token", "new", cwd=tmp_path) as other:
                other.wait_for(f"^{address}$")
                assert worker.ended() == 2
    assert worker.err == [
        "wherry: the server does not know this token: ask its operator for another.  [unauthorized]"
    ]


def test_watch_tells_what_happens_until_it_is_interrupted(wherry: Wherry, url: str, tmp_path: Path) -> None:
    with started("worker", url, *BASIC, cwd=tmp_path) as worker:
        worker.wait_for("jobs at once")
        with (
            started("watch", url, "--json", cwd=tmp_path) as programs,
            started("watch", url, cwd=tmp_path) as people,
        ):
            people.wait_for("Ctrl-C ends")
            until(
                lambda: bool(wherry("submit", url, "echo", "1").out and programs.out),
                lambda: "nothing was heard",
            )
            job = wherry("submit", url, "wait", "0.4").out.strip()
            people.wait_for(f"● completed    {job[-12:]}  wait")
            programs.wait_for(f'(?=.*{job}).*"job_complete"')
            for process in (programs, people):
                process.send(signal.SIGINT)
                assert process.ended() == 130
                assert not any("Traceback" in line for line in process.err)
    names = [told["name"] for line in programs.out if (told := json.loads(line))["job_id"] == job]
    assert names[0] == "job_added"
    assert names[-1] == "job_complete"
    assert "job_progress" in names


def test_output_that_nobody_reads_ends_a_command_quietly(wherry: Wherry, url: str, tmp_path: Path) -> None:
    asyncio.run(submit_many(url, 300))
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-m", "wherry_server.cli", "list", url, "--json", "--limit", "300"],
        stdout=write, stderr=subprocess.PIPE, cwd=tmp_path, check=False,
    )  # fmt: skip
    os.close(write)

    assert (done.returncode, done.stderr) == (141, b"")


async def submit_many(url: str, number: int) -> None:
    async with open_storage(url) as storage:
        await Client(storage, tasks=TASKS).submit_many(TASKS[0], range(number))
        assert (await storage.count(Filter()))[()] == number
