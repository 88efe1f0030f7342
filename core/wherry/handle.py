"""`JobHandle`: one submitted job, seen from where it was submitted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wherry.checks import seconds
from wherry.errors import InvalidInput, JobCancelled, JobDisabled, JobFailed, ResultTimeout
from wherry.events import FINAL_EVENTS, Event
from wherry.job import JobRow
from wherry.messages import Payload
from wherry.retry import rebuild
from wherry.views import Job, errors_in

if TYPE_CHECKING:
    from wherry.client import Client
    from wherry.task import Task

Out_co = TypeVar("Out_co", covariant=True)


class JobHandle(Generic[Out_co]):
    """A job and where to ask after it.

    Attributes:
        id: the job's id.
        duplicate_of: the same id when a job that stood already was returned instead of a new one.
    """

    __slots__ = ("_client", "_task", "duplicate_of", "id")

    def __init__(
        self, client: Client, job_id: str, task: Task[Any, Out_co] | None, duplicate_of: str | None = None
    ) -> None:
        self.id, self.duplicate_of = job_id, duplicate_of
        self._client, self._task = client, task

    def __repr__(self) -> str:
        return f"<JobHandle {self.id}>"

    def __await__(self) -> Generator[Any, None, Out_co]:
        return self.result().__await__()

    async def result(self, timeout: float | None = None) -> Out_co:  # noqa: ASYNC109 - the public name
        """The job's output, once it is completed, wherever it runs.

        Args:
            timeout: seconds to wait; None waits as long as it takes.

        Raises: the task's own exception where it can be rebuilt, else `JobFailed`; `JobCancelled`,
            `JobDisabled`, `JobTimeout` (deadline passed), `JobNotFound`; `ResultTimeout` if it goes on.
        """
        if timeout is not None and (problem := seconds(timeout)):
            raise InvalidInput("result", [f"timeout: {problem}"])
        try:
            async with asyncio.timeout(timeout):
                row = await self._client.follower.outcome(self.id)
        except TimeoutError:
            raise ResultTimeout(self.id, timeout or 0) from None
        return self._outcome(row)

    def _outcome(self, row: JobRow) -> Any:
        if row.state == "completed":
            return self._client.load_output(row, self._task)
        if row.state == "cancelled":
            raise JobCancelled(self.id)
        if row.state == "disabled":
            raise JobDisabled(self.id)
        raise failure(row)

    async def cancel(self) -> bool:
        """Ask the job to stop; a pending one is cancelled at once.  False if final or asked already."""
        return await self._client.cancel(self.id)

    async def job(self) -> Job[Any, Out_co]:
        """The job as it stands.  Raises: `JobNotFound`."""
        return await self._client.get(self.id, self._task)

    def on_progress(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Call `listener` with each `job_progress` event; returns what ends it."""
        return self._client.follower.watch(
            self.id, lambda event: listener(event) if event.name == "job_progress" else None
        )

    async def events(self) -> AsyncIterator[Event]:
        """Events of this job from now on; the last one says how it ended, also if it had ended before.

        Raises: `JobNotFound`; `StorageUnavailable` when the following ends.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        follower = self._client.follower
        stop = follower.watch(self.id, queue.put_nowait)
        # Its outcome as well: after a resync the final event itself may never be seen.
        ended = asyncio.ensure_future(follower.outcome(self.id))
        ended.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
                if event.name in FINAL_EVENTS:
                    return
            yield follower.final_event(ended.result())
        finally:
            stop()
            ended.cancel()


def failure(row: JobRow) -> BaseException:
    """The exception that a failed job means to those who wait for it."""
    last = row.errors.rstrip("\n").rpartition("\n")[2]
    return failure_of(row.id, last) if last else JobFailed(row.id, "Error", "no error was recorded")


def failure_of(job_id: str, line: Payload) -> BaseException:
    """The exception that one attempt's stored error means: the task's own where it can be rebuilt."""
    last = errors_in(line)[0]
    own = rebuild(job_id, line)
    if own is None:
        return JobFailed(job_id, last.type, last.message, last.traceback, last.code)
    if last.traceback:
        own.add_note(f"The job's own traceback:\n{last.traceback}")
    return own
