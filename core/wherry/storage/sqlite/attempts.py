"""`renew`, `report` and `signal`: news of attempts and for sleepers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wherry.job import Slot
from wherry.messages import Lease, Report, Signal, Verdict
from wherry.storage.sqlite.moves import resume
from wherry.storage.sqlite.standing import Standing, read_wake, standing
from wherry.storage.sqlite.transaction import Transaction, to_json


def renew(tx: Transaction, leases: Sequence[Lease], lease_ms: int) -> list[Verdict]:
    found = standing(tx, [lease.id for lease in leases])
    held: list[int] = []
    verdicts: list[Verdict] = []
    for lease in leases:
        job = found.get(lease.id)
        verdict = _verdict(job, lease.fence)
        if job is not None and verdict != "lost":
            held.append(job.seq)
        verdicts.append(verdict)
    if held:
        tx.run("renew", {"until_ms": tx.now_ms + lease_ms, "seqs": to_json(held)})
    return verdicts


def _verdict(job: Standing | None, fence: int) -> Verdict:
    """Whether an attempt still has its job."""
    if job is None:
        return "unknown"
    if job.slot != Slot.HELD or job.fence != fence:
        return "lost"
    return "ok" if job.cancel_requested_at_ms is None else "cancel"


def report(tx: Transaction, reports: Sequence[Report]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for run in _runs(reports):
        verdicts += _report(tx, run)
    return verdicts


def _runs(reports: Sequence[Report]) -> Iterator[list[Report]]:
    """Stretches in which no job comes twice: one statement writes a row once."""
    run: dict[str, Report] = {}
    for each in reports:
        if each.id in run:
            yield list(run.values())
            run = {}
        run[each.id] = each
    if run:
        yield list(run.values())


def _report(tx: Transaction, reports: Sequence[Report]) -> list[Verdict]:
    found = standing(tx, [each.id for each in reports])
    verdicts: list[Verdict] = [_verdict(found.get(each.id), each.fence) for each in reports]
    taken = [each for each, verdict in zip(reports, verdicts, strict=True) if verdict in ("ok", "cancel")]
    _write_logs(tx, [each for each in taken if each.logs])
    steps = [(each.id, *each.step) for each in taken if each.step is not None]
    tx.insert("add_records", [("step", f"{job_id}/{name}", 1, outcome) for job_id, name, outcome in steps])
    told = [each for each in taken if (each.percent, each.message, each.details) != (None, None, None)]
    tx.insert("progress", [(found[r.id].seq, r.id, r.percent, r.message, r.details) for r in told])
    tx.tell("progress", [found[each.id] for each in told])
    for each in told:
        tx.held.pop(each.id, None)
    return verdicts


def _write_logs(tx: Transaction, reports: Sequence[Report]) -> None:
    if not reports:
        return
    last = dict(tx.list("last_logs", {"ids": to_json([each.id for each in reports])}))
    lines = [
        ("log", f"{each.id}/{number:010d}", 1, line)
        for each in reports
        for number, line in enumerate(each.logs, (last[each.id] or 0) + 1)
    ]
    tx.insert("add_records", lines)


def signal(tx: Transaction, signals: Sequence[Signal]) -> list[Verdict]:
    return [_signal(tx, each) for each in signals]


def _signal(tx: Transaction, message: Signal) -> Verdict:
    job = standing(tx, [message.job_id]).get(message.job_id)
    if job is None:
        return "unknown"
    key = f"{message.job_id}/{message.name}/{message.dedup}"
    if tx.value("record_version", {"kind": "signal", "key": key}):
        return "duplicate"
    if job.final:
        return "refused"
    tx.insert("add_records", [("signal", key, 1, message.payload)])
    if job.state == "suspended" and job.wake is not None and message.name in read_wake(job.wake).signals:
        resume(tx, [job])
    return "ok"
