"""`exchange`, second half: due jobs move up, then jobs are claimed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from wherry.messages import Claimed, ClaimRequest, Exchanged, Payload, Settlement
from wherry.storage.sqlite.moves import free_keys, resume
from wherry.storage.sqlite.settling import settle
from wherry.storage.sqlite.standing import standing
from wherry.storage.sqlite.statements import best_of
from wherry.storage.sqlite.transaction import Transaction, to_json

_ARMS = 16
"""Lanes merged in one statement; SQLite allows 500, but compiles each number of them anew."""


class Ready(NamedTuple):
    """A due job, the columns of `ready.sql`, which are those before the claim."""

    rank: int
    id: str
    seq: int
    lane: int
    fence: int
    attempt: int
    revision: int
    max_attempts: int
    interruptions: int
    deadline_at_ms: int | None
    unique_hold: str | None
    input: Payload
    backoff: Payload
    timeout_ms: int | None
    trace: str | None


def exchange(tx: Transaction, settlements: Sequence[Settlement], request: ClaimRequest | None) -> Exchanged:
    verdicts = settle(tx, settlements)
    number = _number(request.token) if request else -1
    due, newest_lane, repeated, paused = tx.list("look", {"now_ms": tx.now_ms, "claim": number})
    if due:
        _promote(tx)
    if request is None:
        return Exchanged(verdicts, (), None)
    if repeated:
        held = tx.list_of(best_of("claimed", 1), (number, -1))
        return Exchanged(verdicts, _claimed(tx, [Ready._make(row) for row in held]), None)
    lanes = tx.lanes.of_claim(request, newest=newest_lane, paused=paused)
    jobs = _choose(tx, request, lanes) if lanes and request.limit > 0 else []
    if not jobs:
        return Exchanged(verdicts, (), _next_due_in_ms(tx, lanes))
    _lease(tx, jobs, request, number)
    return Exchanged(verdicts, _claimed(tx, jobs), None)


def _number(token: str) -> int:
    """56 bits for a token: rows and indexes hold it once a running job."""
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=7).digest(), "big")


def _promote(tx: Transaction) -> None:
    asleep = tx.list("due_sleepers", {"now_ms": tx.now_ms})
    tx.run("promote", {"now_ms": tx.now_ms})
    if asleep:
        found = standing(tx, asleep)
        resume(tx, [found[job_id] for job_id in asleep])


def _choose(tx: Transaction, request: ClaimRequest, lanes: Sequence[int]) -> list[Ready]:
    """The best due jobs of these lanes."""
    if request.ids is not None:
        params = (to_json(request.ids), to_json(lanes), tx.now_ms, request.limit)
        return [Ready._make(row) for row in tx.list_of(best_of("ready_of_ids", 1), params)]
    if len(lanes) > 1:
        lanes = tx.list("lanes_ready", {"lanes": to_json(lanes)})
    found: list[Any] = []
    for start in range(0, len(lanes), _ARMS):
        part = lanes[start : start + _ARMS]
        params = [each for lane in part for each in (lane, tx.now_ms)]
        found += tx.list_of(best_of("ready", len(part)), (*params, request.limit))
    if len(lanes) > _ARMS:
        found = sorted(found, key=lambda row: (row[0], row[1]))[: request.limit]
    return [Ready._make(row) for row in found]


def _lease(tx: Transaction, jobs: Sequence[Ready], request: ClaimRequest, number: int) -> None:
    lease = {
        "claim": number,
        "worker": request.worker,
        "until_ms": tx.now_ms + request.lease_ms,
        "now_ms": tx.now_ms,
        "seqs": to_json([job.seq for job in jobs]),
    }
    tx.run("claim", lease)
    tx.run("add_claim", (number, tx.now_ms))
    tx.tell("started", jobs)
    free_keys(tx, [job.seq for job in jobs if job.unique_hold == "queued"])


def _claimed(tx: Transaction, jobs: Sequence[Ready]) -> list[Claimed]:
    checkpoints = _checkpoints(tx, jobs)
    names = {lane: tx.lanes.name(lane) for lane in {job.lane for job in jobs}}
    claimed: list[Claimed] = []
    for job in jobs:
        namespace, queue, task = names[job.lane]
        left_ms = None if job.deadline_at_ms is None else job.deadline_at_ms - tx.now_ms
        claimed.append(
            Claimed(
                job.id, job.fence + 1, job.attempt + 1, task, queue, namespace, job.input, job.max_attempts,
                job.interruptions, job.backoff, job.timeout_ms, left_ms, checkpoints.get(job.id), job.trace,
            )
        )  # fmt: skip
    return claimed


def _checkpoints(tx: Transaction, jobs: Sequence[Ready]) -> dict[str, Payload]:
    """The steps of each job as a JSON object of their payloads as they are, parsed by nobody."""
    # A first attempt has none: most claims need not ask.
    again = [job.id for job in jobs if job.fence]
    members: dict[str, list[str]] = {}
    for job_id, name, outcome in tx.list("steps", {"ids": to_json(again)}) if again else ():
        members.setdefault(job_id, []).append(f"{json.dumps(name)}:{outcome}")
    return {job_id: "{" + ",".join(steps) + "}" for job_id, steps in members.items()}


def _next_due_in_ms(tx: Transaction, lanes: Sequence[int]) -> int | None:
    at_ms = tx.value("next_due", {"lanes": to_json(lanes)}) if lanes else None
    return None if at_ms is None else at_ms - tx.now_ms
