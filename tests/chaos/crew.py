"""Workers in processes of their own, and what tests do to them."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from tests.chaos.clock import HostClock
from wherry import Client, open_storage
from wherry.job import JobRow
from wherry.messages import Filter
from wherry.storage.protocol import Storage

ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)


class Hand:
    """One worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self) -> bytes:
        assert self.process.stdout is not None
        return await self.process.stdout.readline()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def cpu_ticks(self) -> int:
        """What it has used of a core, in hundredths of a second."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


class Crew:
    """A store in `folder`, which must be there, seen from here by `client`, and the workers on it.

    Attributes:
        clock: of this host, for the store, the client and all workers that are not given another.
    """

    def __init__(self, folder: Path, storage: Storage, client: Client, clock: HostClock) -> None:
        self.folder, self.storage, self.client, self.clock = folder, storage, client, clock
        self.url = storage.url
        self.hands: list[Hand] = []
        self._complaints = open(folder / "complaints", "a+")  # noqa: SIM115 - closed by `close`

    async def hire(self, *, url: str = "", **options: object) -> Hand:
        """Start a worker; it has begun to claim when this returns.  Options as those of `worker.py`."""
        options = {"clock": self.folder / "clock", "name": f"w{next(_numbers)}", **options}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.worker", url or self.url, *words,
            stdout=asyncio.subprocess.PIPE, stderr=self._complaints, cwd=ROOT,
            env={**os.environ, "LEDGER": str(self.ledger)},
        )  # fmt: skip
        hand = Hand(process)
        self.hands.append(hand)
        assert await hand.says() == b"ready\n", self.complaints()
        return hand

    async def stop(self, hand: Hand) -> None:
        """SIGSTOP, outside of a transaction: who is stopped inside of one holds up all others of its file."""
        while True:
            hand.send(signal.SIGSTOP)
            os.waitid(os.P_PID, hand.process.pid, os.WSTOPPED | os.WNOWAIT)  # noqa: ASYNC222 - at once
            if self._is_free():
                return
            hand.send(signal.SIGCONT)
            await asyncio.sleep(0.01)

    def _is_free(self) -> bool:
        """Whether nobody is inside of a transaction."""
        with open(self.folder / "jobs.db-gate") as gate:
            try:
                fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def complaints(self) -> str:
        """All that workers wrote to stderr."""
        self._complaints.seek(0)
        return self._complaints.read()

    async def row(self, job_id: str) -> JobRow:
        return (await self.storage.get([job_id]))[job_id]

    async def until(self, job_id: str, *, attempt: int = 1, state: str = "running") -> JobRow:
        """The job once it is in that state, in that attempt or a later one."""
        async with asyncio.timeout(60), aclosing(self.storage.listen()) as hints:
            async for _ in hints:
                row = await self.row(job_id)
                if row.state == state and row.attempt >= attempt:
                    return row
        raise AssertionError

    async def count(self, state: str) -> int:
        return (await self.storage.count(Filter(states=(state,)))).get((), 0)  # type: ignore[arg-type]

    async def end(self) -> None:
        for hand in self.hands:
            if hand.process.returncode is None:
                hand.send(signal.SIGCONT)
            await hand.kill()

    def close(self) -> None:
        self._complaints.close()


@asynccontextmanager
async def crew(folder: Path) -> AsyncGenerator[Crew]:
    clock = HostClock(folder / "clock")
    async with (
        open_storage(f"sqlite:{folder / 'jobs.db'}", clock=clock) as storage,
        Client(storage) as client,
    ):
        made = Crew(folder, storage, client, clock)
        try:
            yield made
        finally:
            await made.end()
            made.close()
