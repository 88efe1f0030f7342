"""Says in one sentence why a job is not running (R19): a pure decision over what is read for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wherry.job import JobRow
from wherry.messages import FINAL_STATES, Filter, Wake
from wherry.storage.protocol import Storage
from wherry.views import errors_of, instant
from wherry.vitals import WorkerVitals, read_workers

_NAMED = 3


class Facts(NamedTuple):
    """What the sentence depends on besides the job itself."""

    now_ms: int
    paused: frozenset[str]
    """`queue` and `task`, whichever of the job's is paused."""
    related: Mapping[str, JobRow]
    """The jobs that it waits for, by id."""
    workers: Sequence[WorkerVitals]
    waiting: int
    """Pending jobs of its queue and task, itself included."""


async def why(storage: Storage, row: JobRow) -> str:
    """Read what matters and say it."""
    wanted = _waited_for(row)
    related: Mapping[str, JobRow] = await storage.get(wanted) if wanted else {}
    paused: frozenset[str] = frozenset()
    workers: list[WorkerVitals] = []
    waiting = 0
    if row.state == "pending":
        paused = await _paused(storage, row)
        workers = await read_workers(storage)
        lane = Filter(
            namespaces=(row.namespace,), states=("pending",), queues=(row.queue,), tasks=(row.task,)
        )
        waiting = (await storage.count(lane)).get((), 0)
    return reason(row, Facts(time.time_ns() // 1_000_000, paused, related, workers, waiting))


def _waited_for(row: JobRow) -> list[str]:
    if row.state != "blocked":
        return list((row.wake or Wake()).jobs)
    return [edge.parent for edge in row.after] + ([row.behind] if row.behind else [])


async def _paused(storage: Storage, row: JobRow) -> frozenset[str]:
    keys = {f"{row.namespace}/queue/{row.queue}": "queue", f"{row.namespace}/task/{row.task}": "task"}
    records = await storage.read("pause", prefix=f"{row.namespace}/")
    return frozenset(keys[record.key] for record in records if record.key in keys)


# --- the decision ----------------------------------------------------------------------------------------
def reason(row: JobRow, facts: Facts) -> str:
    """One sentence, from the strongest reason to the weakest."""
    if row.state in FINAL_STATES:
        return _ended(row)
    if row.lapse == "deadline":
        return "Its deadline has passed: a server ends it with its next look."
    match row.state:
        case "blocked":
            return _blocked(row, facts)
        case "suspended":
            return _suspended(row, facts)
        case "running":
            return _running(row)
        case _:
            return _pending(row, facts)


def _ended(row: JobRow) -> str:
    at = "" if row.finished_at_ms is None else f" at {_at(row.finished_at_ms)}"
    if row.state == "completed":
        return f"It completed{at}."
    remedy = f"`client.retry({row.id!r})` puts it back."
    if row.state != "failed":
        return f"It was {row.state}{at}: {remedy}"
    errors = errors_of(row)
    last = f" with {errors[-1].type}: {errors[-1].message}" if errors else ""
    return f"It failed{at} on attempt {row.attempt} of {row.max_attempts}{last}: {remedy}"


def _blocked(row: JobRow, facts: Facts) -> str:
    if row.doomed:
        return "A job that it waits for did not complete: a server ends it with its next look."
    if row.behind is not None:
        before = facts.related.get(row.behind)
        state = f" ({before.state})" if before else ""
        key = (row.ordering_key or "").removeprefix(f"{row.namespace}/")
        return f"It comes after {row.behind}{state}, the one before it of the ordering key {key!r}."
    waits = [job_id for job_id, other in facts.related.items() if other.state not in FINAL_STATES]
    return f"It waits for {_jobs(waits, facts)} to finish first."


def _jobs(ids: Sequence[str], facts: Facts) -> str:
    named = ", ".join(f"{job_id} ({facts.related[job_id].state})" for job_id in ids[:_NAMED])
    more = ", ..." if len(ids) > _NAMED else ""
    return f"{len(ids)} job{'' if len(ids) == 1 else 's'} ({named}{more})"


def _suspended(row: JobRow, facts: Facts) -> str:
    wake = row.wake or Wake()
    waits = [f"the event {name!r}" for name in wake.signals]
    left = [job_id for job_id in wake.jobs if job_id in facts.related and not _final(facts.related[job_id])]
    if left:
        waits.append(_jobs(left, facts))
    if wake.after_ms is not None:
        waits.append(f"{_at(row.run_at_ms)}")
    return f"It sleeps until {' or '.join(waits) or 'it is woken'}."


def _final(row: JobRow) -> bool:
    return row.state in FINAL_STATES


def _running(row: JobRow) -> str:
    since = "" if row.attempted_at_ms is None else f" since {_at(row.attempted_at_ms)}"
    if row.lapse == "lease":
        return f"Its worker {row.worker} has stopped renewing its lease: a server takes it back soon."
    asked = "; it is asked to stop" if row.cancel_requested_at_ms is not None else ""
    return f"It is running{since} in {row.worker}, attempt {row.attempt} of {row.max_attempts}{asked}."


def _pending(row: JobRow, facts: Facts) -> str:
    for kind in sorted(facts.paused):
        name = row.queue if kind == "queue" else row.task
        return f"Its {kind} {name!r} is paused: `client.resume({kind}={name!r})`."
    if row.run_at_ms > facts.now_ms:
        return _later(row)
    return _due(row, facts)


def _later(row: JobRow) -> str:
    errors = errors_of(row)
    if errors and errors[-1].attempt == row.attempt:
        failed = f"attempt {row.attempt} of {row.max_attempts} failed with {errors[-1].type}"
        return f"It waits for its retry at {_at(row.run_at_ms)}: {failed}: {errors[-1].message}."
    return f"It is scheduled for {_at(row.run_at_ms)}."


def _due(row: JobRow, facts: Facts) -> str:
    if not facts.workers:
        return f"No server tells that it is alive: start one that has {row.task!r}."
    fit = [one for one in facts.workers if one.takes(row.namespace, row.queue, row.task)]
    if not fit:
        return _nobody(row, facts)
    slots = sum(one.concurrency for one in fit)
    if all(one.is_busy for one in fit):
        before = f", and {facts.waiting} jobs of its kind wait" if facts.waiting > 1 else ""
        return f"All {slots} slots of the {_workers(len(fit))} that can run it are taken{before}."
    return f"It is due: one of {_workers(len(fit))} with {slots} slots will start it."


def _nobody(row: JobRow, facts: Facts) -> str:
    if not any(row.task in one.tasks for one in facts.workers):
        alive = _workers(len(facts.workers))
        return f"None of the {alive} alive knows the task {row.task!r}: start one that does."
    return (
        f"Workers know the task {row.task!r}, but none of them takes the queue {row.queue!r} "
        f"in the namespace {row.namespace!r}."
    )


def _workers(number: int) -> str:
    return f"{number} worker{'' if number == 1 else 's'}"


def _at(at_ms: int) -> str:
    return instant(at_ms).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
