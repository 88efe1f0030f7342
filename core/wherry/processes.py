"""Tasks declared `isolation="process"`: their handlers run in processes of their own, kept warm between jobs.

What threads cannot give: a handler that is killed when its job is cancelled, times out or loses its lease,
whatever it is doing, and one that takes nobody along when it crashes.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from wherry.errors import InvalidTask, JobFailed, NotJson, ProcessEnded, WherryError
from wherry.messages import Claimed, Report, Settlement
from wherry.process_messages import SCRIPT, Answer, Asked, Began, Order, Place
from wherry.storage.faults import error_data
from wherry.submitting import Submits
from wherry.task import Task

GRACE_S = 0.5
"""Between SIGTERM, upon which a handler may clean up, and SIGKILL."""

IDLE_S = 60.0
"""A process without work is kept so long for the next job."""

_MOST_AT_ONCE = 1024

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
    "from wherry.process_child import main; main(sys.stdin.buffer)"
)


class Hears(Protocol):
    """Whom a running handler talks to; called on the worker's loop."""

    def report(self, news: Report) -> None: ...


class ProcessPool:
    """Processes of one worker, each with one job at a time.  All of it on the worker's loop.

    Raises: `InvalidTask` for a task that another process could not find.
    """

    def __init__(self, tasks: Iterable[Task[Any, Any]], *, max_payload: int) -> None:
        self._places = {task.name: find_place(task) for task in tasks}
        self._max_payload = max_payload
        self._idle: list[TaskProcess] = []
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, "wherry-process")

    async def run(self, job: Claimed, hears: Hears, submits: Submits) -> Settlement:
        """Run the job's handler and say what follows.  Cancelling ends its process before it returns.

        Raises: `ProcessEnded` when the process died of its own accord.
        """
        order = Order(self._places[job.task], job, self._max_payload)
        while True:
            idle = self._take_idle()
            process = idle or TaskProcess(self._threads)
            try:
                settlement = await process.carry_out(order, hears, submits)
            except BaseException as error:
                await process.end()
                if idle and isinstance(error, ProcessEnded) and not process.began:
                    continue  # it was dying when it was asked: another job's doing
                raise
            self._keep(process)
            return settlement

    def _take_idle(self) -> TaskProcess | None:
        """One that still lives: a job is not charged for what became of another's process."""
        while self._idle:
            process = self._idle.pop()
            if process.is_alive:
                return process
            process.dismiss()
        return None

    def _keep(self, process: TaskProcess) -> None:
        self._idle.append(process)
        process.expiry = asyncio.get_running_loop().call_later(IDLE_S, self._let_go, process)

    def _let_go(self, process: TaskProcess) -> None:
        if process in self._idle:
            self._idle.remove(process)
            process.dismiss()

    def close(self) -> None:
        """Let all idle processes go."""
        while self._idle:
            self._idle.pop().dismiss()
        self._threads.shutdown(wait=False)


class TaskProcess:
    """One process and the two pipes to it."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self.expiry: asyncio.TimerHandle | None = None
        self._writing = threading.Lock()
        # A session of its own: Ctrl-C is the worker's to hear, and what the handler starts ends with it.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._last_words: asyncio.Future[Any] | None = None
        self._new = True
        self.began = False
        """Whether it has heard of the job that it was last given."""

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def carry_out(self, order: Order, hears: Hears, submits: Submits) -> Settlement:
        """Have a job run to its end.  Raises: `ProcessEnded`."""
        if self.expiry is not None:
            self.expiry.cancel()
        self.began = False
        loop = asyncio.get_running_loop()
        desk = _Desk(hears, submits, self._answer)

        def hear(message: Report | Asked) -> None:
            loop.call_soon_threadsafe(desk.take, message)

        self._last_words = loop.run_in_executor(self._threads, self._converse, order, hear)
        try:
            # Shielded: the thread goes on until the process ends, and `end` waits for it.
            return await asyncio.shield(self._last_words)
        finally:
            desk.close()

    def _converse(self, order: Order, hear: Callable[[Report | Asked], None]) -> Settlement:
        """On a thread: say the order, pass on what is said until it is settled."""
        assert self._process.stdout is not None
        try:
            if self._new:
                self._new = False
                self._write(json.dumps(sys.path).encode() + b"\n")
            self._write(pickle.dumps(order))
            while True:
                message = pickle.load(self._process.stdout)
                if isinstance(message, Settlement):
                    return message
                if isinstance(message, Began):
                    self.began = True
                else:
                    hear(message)
        except (EOFError, OSError, pickle.UnpicklingError, RuntimeError):
            # Before it is waited for, while its number is still its own: what the handler has started.
            self._signal(signal.SIGKILL)
            raise ProcessEnded(order.job.task, self._reap()) from None

    def _write(self, data: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with self._writing:
            stdin.write(data)
            stdin.flush()

    async def _answer(self, answer: Answer) -> None:
        try:
            data = pickle.dumps(answer)
        except Exception as error:  # whatever a value's own pickling raises
            data = pickle.dumps(Answer(answer.number, None, _told(NotJson("the result", repr(error)))))
        with suppress(OSError):  # it has ended; whoever waits for it finds out by himself
            await asyncio.get_running_loop().run_in_executor(self._threads, self._write, data)

    # --- its end -------------------------------------------------------------------------------------
    async def end(self) -> None:
        """End it, gently for `GRACE_S`, and wait until it has ended."""
        self._signal(signal.SIGTERM)
        try:
            if self._last_words is not None:
                await asyncio.wait((self._last_words,), timeout=GRACE_S)
        finally:  # also when the one who waits is cancelled himself
            self._signal(signal.SIGKILL)
        if self._last_words is not None:
            await asyncio.wait((self._last_words,))
            if self._last_words.exception() is None:  # it had finished in the same moment
                await asyncio.get_running_loop().run_in_executor(self._threads, self._reap)

    def dismiss(self) -> None:
        """Nobody needs it any more: it ends by itself when its pipe does."""
        if self.expiry is not None:
            self.expiry.cancel()
        self._threads.submit(self._reap)

    def _reap(self) -> int:
        """Wait for its end; its exit status, negative for a signal."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return self._process.wait()

    def _signal(self, number: int) -> None:
        """To its whole group, as long as its number is its own."""
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            else:
                self._process.terminate()


class _Desk:
    """Does what a running handler asks for, through the worker's own context and client."""

    def __init__(
        self, hears: Hears, submits: Submits, answer: Callable[[Answer], Coroutine[Any, Any, None]]
    ) -> None:
        self._hears, self._submits, self._answer = hears, submits, answer
        self._handles: dict[str, Any] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def take(self, message: Report | Asked) -> None:
        if isinstance(message, Report):
            self._hears.report(message)
            return
        task = asyncio.create_task(self._do(message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _do(self, asked: Asked) -> None:
        try:
            answer = Answer(asked.number, await self._value(asked))
        except WherryError as error:
            answer = Answer(asked.number, None, _told(error))
        except Exception as error:  # the task's own, which a task process may not know
            failed = JobFailed(str(asked.arguments[0]), type(error).__qualname__, str(error))
            answer = Answer(asked.number, None, _told(failed))
        await self._answer(answer)

    async def _value(self, asked: Asked) -> Any:
        if asked.verb == "submit":
            handle = await self._submits.submit(*asked.arguments, **asked.options)
            self._handles[handle.id] = handle
            return handle.id, handle.duplicate_of
        job_id, *arguments = asked.arguments
        return await getattr(self._handles[job_id], asked.verb)(*arguments)

    def close(self) -> None:
        """The handler is over: nobody waits for answers."""
        for task in self._under_way:
            task.cancel()


def _told(error: WherryError) -> tuple[str, str, dict[str, object]]:
    return error.code, str(error), error_data(error)


# --- where tasks are found -----------------------------------------------------------------------------
def find_place(task: Task[Any, Any]) -> Place:
    """Where another process finds this very task.  Raises: `InvalidTask` when it cannot."""
    home = sys.modules.get(getattr(task.fn, "__module__", ""))
    for module in (home, *tuple(sys.modules.values())):
        for name, value in tuple(getattr(module, "__dict__", {}).items()):
            if value is task and (place := _place(module, name)) is not None:
                return place
    raise InvalidTask(
        task.name,
        'with isolation="process" it runs in a new process, which must find it by name: '
        "define it at the top level of a module or script, and give it a name there.",
    )


def _place(module: Any, attribute: str) -> Place | None:
    """None where there is nothing to import, as in an interactive session."""
    spec, path = getattr(module, "__spec__", None), getattr(module, "__file__", None)
    if spec is not None:
        return Place(spec.name, attribute)
    if module.__name__ == "__main__" and path is not None and os.path.isfile(path):
        return Place(SCRIPT, attribute, os.path.abspath(path))
    return None
