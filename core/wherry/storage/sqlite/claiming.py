"""`exchange`, second half: due jobs move up, then jobs are claimed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from wherry.messages import Claimed, ClaimRequest, Exchanged, Payload, Settlement
from wherry.storage.sqlite.held import remember
from wherry.storage.sqlite.moves import free_keys, pending
from wherry.storage.sqlite.payloads import fill_in
from wherry.storage.sqlite.settling import settle
from wherry.storage.sqlite.standing import standing
from wherry.storage.sqlite.statements import best_of
from wherry.storage.sqlite.transaction import Transaction, to_json

_ARMS = 16
"""Lanes merged in one statement; SQLite allows 500, but compiles each number of them anew."""


class Ready(NamedTuple):
    """A job to be claimed: the columns of `ready.sql`."""

    rank: int
    id: str
    fence: int
    attempt: int
    lane: int
    input: Payload
    max_attempts: int
    interruptions: int
    backoff: Payload
    timeout_ms: int | None
    deadline_left_ms: int | None
    trace: str | None
    seq: int
    revision: int
    """Before the claim."""
    unique_hold: str | None

    def claimed(self, task: str, queue: str, namespace: str) -> Claimed:
        """What the worker gets; the checkpoint is looked up where there may be one."""
        _, job_id, fence, attempt, _, text, most, interruptions, backoff, timeout_ms, left_ms, trace, *_ = (
            self
        )
        return Claimed(
            job_id, fence, attempt, task, queue, namespace, text, most, interruptions, backoff, timeout_ms,
            left_ms, None, trace,
        )  # fmt: skip


_INPUT = Ready._fields.index("input")


class Look(NamedTuple):
    """The store at the start of an exchange, the columns of `look.sql`."""

    due: int
    newest_lane: int | None
    repeated: int
    paused: list[str]
    parents: int


def exchange(tx: Transaction, settlements: Sequence[Settlement], request: ClaimRequest | None) -> Exchanged:
    number = _number(request.token) if request else -1
    look = Look._make(tx.list("look", {"now_ms": tx.now_ms, "claim": number}))
    verdicts = settle(tx, settlements, parents=bool(look.parents)) if settlements else []
    if look.due:
        _promote(tx)
    if request is None:
        return Exchanged(verdicts, (), None)
    lanes = tx.lanes.of_claim(request, newest=look.newest_lane, paused=look.paused)
    if look.repeated:
        jobs = _whole(tx, tx.list_of(best_of("claimed", 1), (tx.now_ms, number, -1)))
    else:
        jobs = _choose(tx, request, lanes)
        _lease(tx, jobs, request, number)
    claimed = _claimed(tx, jobs, repeated=bool(look.repeated))
    return Exchanged(verdicts, claimed, None if jobs else _next_due_in_ms(tx, lanes))


def _number(token: str) -> int:
    """56 bits for a token: rows and indexes hold it once a running job."""
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=7).digest(), "big")


def _promote(tx: Transaction) -> None:
    asleep = tx.list("due_sleepers", {"now_ms": tx.now_ms})
    tx.run("promote", {"now_ms": tx.now_ms})
    if asleep:
        found = standing(tx, asleep)
        jobs = [found[job_id] for job_id in asleep]
        tx.insert("move", [pending(job, job.run_at_ms, tx.now_ms) for job in jobs])
        tx.tell("released", jobs)


def _choose(tx: Transaction, request: ClaimRequest, lanes: Sequence[int]) -> list[Ready]:
    """The best due jobs of these lanes."""
    now_ms = tx.now_ms
    if not lanes or request.limit < 1:
        return []
    if request.ids is not None:
        params = (now_ms, to_json(request.ids), to_json(lanes), now_ms, request.limit)
        return _whole(tx, tx.list_of(best_of("ready_of_ids", 1), params))
    if len(lanes) > 1:
        lanes = tx.list("lanes_ready", {"lanes": to_json(lanes)})
    found: list[Any] = []
    for start in range(0, len(lanes), _ARMS):
        part = lanes[start : start + _ARMS]
        params = [each for lane in part for each in (now_ms, lane, now_ms)]
        found += tx.list_of(best_of("ready", len(part)), (*params, request.limit))
    if len(lanes) > _ARMS:
        found = sorted(found, key=lambda row: (row[0], row[1]))[: request.limit]
    return _whole(tx, found)


def _whole(tx: Transaction, rows: list[Any]) -> list[Ready]:
    fill_in(tx, rows, _INPUT)
    return [Ready._make(row) for row in rows]


def _lease(tx: Transaction, jobs: Sequence[Ready], request: ClaimRequest, number: int) -> None:
    if not jobs:
        return
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
    if any(job.unique_hold for job in jobs):
        free_keys(tx, [job.seq for job in jobs if job.unique_hold == "queued"])
        jobs = [job for job in jobs if job.unique_hold is None]
    remember(tx, {job.id: (job.seq, job.lane, job.fence, job.revision + 1) for job in jobs})


def _claimed(tx: Transaction, jobs: Sequence[Ready], *, repeated: bool) -> list[Claimed]:
    names = {lane: tx.lanes.name(lane) for lane in {job.lane for job in jobs}}
    claimed = [job.claimed(*reversed(names[job.lane])) for job in jobs]
    # A first attempt that only starts has no checkpoint: most claims need not ask.
    again = [job.id for job in claimed if repeated or job.fence > 1]
    if not again:
        return claimed
    checkpoints = _checkpoints(tx, again)
    return [job._replace(checkpoint=checkpoints.get(job.id)) for job in claimed]


def _checkpoints(tx: Transaction, ids: Sequence[str]) -> dict[str, Payload]:
    """The steps of each job as a JSON object of their payloads as they are, parsed by nobody."""
    members: dict[str, list[str]] = {}
    for job_id, name, outcome in tx.list("steps", {"ids": to_json(ids)}):
        members.setdefault(job_id, []).append(f"{json.dumps(name)}:{outcome}")
    return {job_id: "{" + ",".join(steps) + "}" for job_id, steps in members.items()}


def _next_due_in_ms(tx: Transaction, lanes: Sequence[int]) -> int | None:
    at_ms = tx.value("next_due", {"lanes": to_json(lanes)}) if lanes else None
    return None if at_ms is None else at_ms - tx.now_ms
