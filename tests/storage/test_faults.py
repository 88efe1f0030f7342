"""A fault at every call of a scenario: SQLite, a real process, and what is left when it is opened again."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.storage.fault_child import JOBS, act
from wherry import Client, open_storage
from wherry.clock import ManualClock, SystemClock
from wherry.errors import StorageUnavailable
from wherry.messages import Change
from wherry.sweeper import Sweeper
from wherry.testing import drain
from wherry.testing.faults import Effect, FaultAt, faulty

UNREACHED = 3


class Forks:
    """Runs the scenario in forks of one warm process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, batch: Sequence[tuple[int, Path]], effect: str) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(";".join(f"{number} {effect} {path}" for number, path in batch) + "\n")
        self._process.stdin.flush()
        return [int(code) for code in self._process.stdout.readline().split()]


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.storage.fault_child"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize(
    ("effect", "ends"),
    [
        ("kill_before", -signal.SIGKILL),
        ("kill_after", -signal.SIGKILL),
        ("lose_request", 0),
        ("lose_reply", 0),
    ],
)
async def test_a_fault_at_any_call_loses_no_job_and_accepts_none_twice(
    forks: Forks, tmp_path: Path, effect: str, ends: int
) -> None:
    codes: list[int] = []
    while UNREACHED not in codes:
        batch = [(number, tmp_path / f"{number}.db") for number in range(len(codes) + 1, len(codes) + 7)]
        cursors = [await created(path) for _, path in batch]
        codes += forks.run(batch, effect)
        # 0 among kills: the call was cancelled under way, since the scenario had come to its end.
        assert set(codes) <= {ends, UNREACHED, 0}, codes
        for (number, path), cursor in zip(batch, cursors, strict=True):
            told = await opened_again(path, cursor)
            check(path, told, killed=codes[number - 1] < 0)

    assert codes.count(ends) > 12, "a scenario of so few calls says little"


async def created(path: Path) -> str:
    async with open_storage(f"sqlite:{path}") as storage:
        return (await storage.changes("", limit=1)).cursor  # type: ignore[arg-type]


async def opened_again(path: Path, cursor: str) -> list[Change]:
    """An hour later another process takes over; what was told in all."""
    clock = ManualClock(SystemClock().now_ms() + 3_600_000)
    async with open_storage(f"sqlite:{path}", clock=clock) as storage:
        for job_id, succeeds_at, options in JOBS:
            await Client(storage).submit(act, succeeds_at, id=job_id, **options)
        await Sweeper(storage, lease_ms=0, wall_ms=clock.now_ms).sweep()
        await drain(storage, [act], advance=clock)
        rows = await storage.get([job_id for job_id, *_ in JOBS])
        assert {row.state for row in rows.values()} == {"completed"}, rows
        assert all(row.attempt <= row.max_attempts for row in rows.values()), rows
        return list((await storage.changes(cursor, limit=10_000)).items)  # type: ignore[arg-type]


def check(path: Path, told: list[Change], *, killed: bool) -> None:
    notes = Path(f"{path}.log").read_text().splitlines()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    completed = [change.job_id for change in told if change.kind == "completed"]
    added = [change.job_id for change in told if change.kind == "added"]
    assert sorted(completed) == sorted(added) == [job_id for job_id, *_ in JOBS]
    assert killed or {f"added {job_id}" for job_id, *_ in JOBS} <= set(notes)
    promised = {note.split()[1] for note in notes if note.startswith("added")}
    assert promised <= set(added)


async def test_the_call_is_applied_or_not_as_the_fault_says(tmp_path: Path) -> None:
    cases: list[tuple[Effect, int, bool]] = [
        ("refuse", 0, False),
        ("lose_request", 0, True),
        ("lose_reply", 1, True),
    ]
    for effect, stored, unknown in cases:
        async with open_storage("memory:") as storage:
            fault = FaultAt(1, effect)
            client = Client(faulty(storage, fault))
            with pytest.raises(StorageUnavailable) as caught:
                await client.submit(act, 1)
            assert (await client.size(), caught.value.outcome_unknown) == (stored, unknown)
            assert (fault.struck, fault.calls) == (True, 2)
