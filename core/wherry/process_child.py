"""A task process: runs one handler after the other for the worker that started it (`processes.py`).

When the pipe from its worker ends, because it is no longer needed or the worker was killed, it ends too,
whatever its handler is doing.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import os
import pickle
import queue
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Generator
from concurrent.futures import Future
from types import ModuleType
from typing import Any, BinaryIO, NoReturn

from wherry.context import Context, Surroundings
from wherry.errors import InvalidTask
from wherry.messages import Report, Settlement
from wherry.process_messages import SCRIPT, Answer, Asked, Began, Order, Place
from wherry.retry import after_attempt
from wherry.storage.faults import error_from
from wherry.task import Task
from wherry.validation import check_size, require_json

_PR_SET_PDEATHSIG = 1


def main(orders: BinaryIO) -> NoReturn:
    """Serve until the orders end."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to hear
    pipe = Pipe(orders)
    try:
        with asyncio.Runner() as runner:
            while True:
                order = pipe.next_order()
                pipe.send(Began())
                pipe.send(runner.run(_serve(order, pipe)))
    except SystemExit as error:  # SIGTERM, or the handler's own wish
        status = error.code
    sys.stderr.flush()
    # Threads that the handler has left behind have no say.
    os._exit(status if isinstance(status, int) else 1)


def _die_with_parent() -> None:
    """A thread sees the pipe end, but code that keeps the GIL, as regular expressions do, lets none run."""
    if sys.platform == "linux":
        try:
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        except (ImportError, OSError, AttributeError):
            return


def _end_all() -> NoReturn:
    """End at once, and with this process those that its handler has started."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


# --- the pipe ----------------------------------------------------------------------------------------
class Pipe:
    """Orders and answers in, everything else out.  stdout becomes stderr: what handlers print is log."""

    def __init__(self, orders: BinaryIO) -> None:
        self._in, self._out = orders, os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._sending = threading.Lock()
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Any]] = {}
        # A fork of the handler's must not keep the pipe open when this process is gone.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: os.close(self._out.fileno()))
        threading.Thread(target=self._listen, name="wherry-orders", daemon=True).start()

    def next_order(self) -> Order:
        return self._orders.get()

    def send(self, message: object) -> None:
        """May be called from any thread."""
        data = pickle.dumps(message)
        try:
            with self._sending:
                self._out.write(data)
                self._out.flush()
        except OSError:
            _end_all()

    async def ask(self, verb: str, *arguments: Any, **options: Any) -> Any:
        """Have it done by the worker's client.  Raises: what that raises."""
        number, answer = next(self._numbers), Future[Any]()
        self._asked[number] = answer
        self.send(Asked(number, verb, arguments, options))
        return await asyncio.wrap_future(answer)

    def _listen(self) -> None:
        try:
            while True:
                message = pickle.load(self._in)
                if isinstance(message, Order):
                    self._orders.put(message)
                else:
                    self._take(message)
        except (EOFError, OSError, pickle.UnpicklingError):
            _end_all()
        except BaseException:  # a value whose class cannot be had here: the handler would wait for ever
            traceback.print_exc()
            _end_all()

    def _take(self, answer: Answer) -> None:
        asked = self._asked.pop(answer.number)
        if asked.cancelled():
            return
        if answer.error is None:
            asked.set_result(answer.value)
        else:
            asked.set_exception(error_from(*answer.error))

    # What a context needs: a reporter and one who submits.
    def report(self, news: Report) -> None:
        self.send(news)

    async def submit(self, task: Any, input: Any = None, /, **options: Any) -> ProcessHandle:
        name, plain = task, input
        if isinstance(task, Task):
            name, (_, plain) = task.name, task.dump_input(input)
        else:
            require_json(input)
        if "after" in options:
            options["after"] = [one if isinstance(one, str) else one.id for one in options["after"]]
        return ProcessHandle(self, *await self.ask("submit", name, plain, **options))


class ProcessHandle:
    """A job submitted from a task process, as far as `wherry.JobHandle` can be had there."""

    def __init__(self, pipe: Pipe, job_id: str, duplicate_of: str | None) -> None:
        self._pipe, self.id, self.duplicate_of = pipe, job_id, duplicate_of

    def __await__(self) -> Generator[Any, None, Any]:
        return self.result().__await__()

    async def result(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - as JobHandle has it
        """The job's output.  Raises: as `JobHandle.result`, but errors of the task itself as `JobFailed`."""
        return await self._pipe.ask("result", self.id, timeout)

    async def cancel(self) -> bool:
        """Ask the job to stop."""
        return await self._pipe.ask("cancel", self.id)


# --- one job -----------------------------------------------------------------------------------------
class _ProcessContext(Context):
    """Reports go straight to the pipe, from any thread: the loop here may be blocked by the handler."""

    def _tell(self, news: Report) -> None:
        self._surroundings.reporter.report(news)

    def end(self, *_: object) -> NoReturn:
        """SIGTERM.  Raised in the midst of the handler, so that its `finally` blocks run."""
        self.cancelled = True
        raise SystemExit(128 + signal.SIGTERM)


async def _serve(order: Order, pipe: Pipe) -> Settlement:
    """Run the handler and say what follows: decided here, where its exception is."""
    job = order.job
    context = _ProcessContext(job, Surroundings(pipe, pipe))
    signal.signal(signal.SIGTERM, context.end)
    task: Task[Any, Any] | None = None
    try:
        task = _find(order.place)
        output = await _call(task, context, order)
        return Settlement(job.id, job.fence, "complete", output=output)
    except (Exception, asyncio.CancelledError) as error:
        return _named_as_in_worker(after_attempt(job, error, task and task.gives_up))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


async def _call(task: Task[Any, Any], context: Context, order: Order) -> str:
    result = task.signature.call(task.load_input(order.job.input), context)
    if inspect.isawaitable(result):
        result = await result
    output = task.dump_output(result)
    check_size(output, order.max_payload, f"the output of {task.name}")
    return output


def _named_as_in_worker(settlement: Settlement) -> Settlement:
    """Exceptions that a script defines are of `__main__` to the one who waits for the job."""
    if settlement.error is None:
        return settlement
    return settlement._replace(error=settlement.error.replace(f'"{SCRIPT}"', '"__main__"', 1))


def _find(place: Place) -> Task[Any, Any]:
    try:
        if place.path is None:
            module = importlib.import_module(place.module)
        else:
            module = sys.modules.get(SCRIPT) or _load_script(place.path)
    except Exception as error:
        reason = (
            f"a task process cannot import {place.path or place.module} ({error!r}). "
            "What starts workers belongs under `if __name__ == '__main__':`."
        )
        raise InvalidTask(place.attribute, reason) from error
    found: Task[Any, Any] = getattr(module, place.attribute)
    return found


def _load_script(path: str) -> ModuleType:
    module = ModuleType(SCRIPT)
    vars(module).update(runpy.run_path(path, run_name=SCRIPT))
    sys.modules[SCRIPT] = sys.modules["__main__"] = module
    return module
