"""Keeps its own book of what the store promised, and compares after each step.

It knows nothing of how a store works: who holds which job until when follows from the answers that the
store gave, what each job is from its rows, and what was told from its feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wherry.clock import Clock
from wherry.job import JobRow
from wherry.messages import (
    FINAL_STATES,
    Added,
    Claimed,
    ClaimRequest,
    Cursor,
    Exchanged,
    Lease,
    NewJob,
    Payload,
    Settlement,
    Verdict,
)
from wherry.storage.protocol import Storage
from wherry.testing.simulate.known import Broken, Holder, Known, compare, require
from wherry.testing.simulate.machine import Machine
from wherry.testing.simulate.network import READS, at_once
from wherry.testing.simulate.trace import Trace

RECOVERY_S = 5.5
"""Q5, and half a second for the way there and back."""

_GIVES_BACK = ("snooze", "release", "suspend")
_REVIVES = ("retry", *_GIVES_BACK)


class Ledger:
    """The witness of a simulation.

    Args:
        clock: the store's.
        now_s: true time.
        calm_since_s: since when that machine, or any worker, has lived undisturbed, the storage been
            reachable and the clocks gone evenly.
    """

    def __init__(
        self,
        store: Storage,
        clock: Clock,
        now_s: Callable[[], float],
        calm_since_s: Callable[[Machine | None], float],
        trace: Trace,
    ) -> None:
        self._store, self._clock, self._now_s, self._calm_since_s = store, clock, now_s, calm_since_s
        self._trace = trace
        self._cursor = at_once(store.changes(Cursor(""), limit=1)).cursor
        self._touched: set[str] = set()
        self._requeued: set[str] = set()
        self._tokens: dict[str, int] = {}
        """The step in which a claim's token got jobs."""
        self._steps = self._places = 0
        self.jobs: dict[str, Known] = {}
        self.set_back_s = -1.0
        """When the store's clock was set back last: what lapses then waits for it to come by again."""
        self.broken: Broken | None = None

    # --- told by handlers and clients -----------------------------------------------------------------
    def returned(self, job_id: str, fence: int, output: Payload) -> None:
        """A handler came to its end."""
        self.jobs[job_id].outputs[fence] = output

    def acknowledged(self, job_id: str) -> None:
        """`submit` returned: from now on the job must exist."""
        if job_id not in self.jobs:
            self.break_with("Q1", f"submit returned {job_id}, which was never stored")

    def break_with(self, rule: str, message: str) -> None:
        self.broken = self.broken or Broken(rule, message)

    # --- each call --------------------------------------------------------------------------------------
    def served(self, machine: Machine, verb: str, args: tuple[Any, ...], answer: Any) -> bool:
        """Check one call; whether the feed grew."""
        if verb in READS:
            return False
        self._steps += 1
        try:
            changed = self._note(machine, verb, args, answer) and verb != "renew"
            # What should have changed nothing is looked at less often: most steps are of that kind.
            return self._compare() if changed or self._steps % 8 == 0 else False
        except Broken as broken:
            self.broken = self.broken or broken
            return False

    def _note(self, machine: Machine, verb: str, args: tuple[Any, ...], answer: Any) -> bool:
        match verb:
            case "add":
                told = [self._added(*pair) for pair in zip(args[0], answer, strict=True)]
            case "exchange":
                told = self._exchanged(machine, args[0], args[1], answer)
            case "renew":
                told = [self._renewed(machine, *pair, args[1]) for pair in zip(args[0], answer, strict=True)]
            case "report":
                told = [
                    self._reported(news.id, news.fence, v) for news, v in zip(args[0], answer, strict=True)
                ]
            case "alter":
                told = [self._altered(job_id, args[1]) for job_id in answer]
            case _:
                told = []
        if told:  # what changed nothing is left out: sweeps and empty claims
            self._trace.add(self._now_s(), machine.name, f"{verb} {' '.join(told)}")
        return bool(told)

    # --- add --------------------------------------------------------------------------------------------
    def _added(self, job: NewJob, added: Added) -> str:
        if added.verdict == "refused":
            require(any(edge.parent not in self.jobs for edge in job.after), "Q1", "add refused for nothing")
            return "refused"
        if added.verdict == "ok":
            require(job.id not in self.jobs, "Q1", f"{job.id} was stored twice")
            self._require_key_free(job)
            self.jobs[job.id] = Known(job, len(self.jobs), place=self._next_place())
        known = self._get(added.id)
        if added.verdict == "duplicate" and added.id != job.id:
            same = known.new.unique is not None and known.new.unique == job.unique
            require(same and not known.is_final, "Q9", f"{known.number} does not hold the key of {job.id}")
        return f"{known.number}:{added.verdict}"

    def _require_key_free(self, job: NewJob) -> None:
        for other in self.jobs.values() if job.unique else ():
            taken = other.new.unique == job.unique and not other.is_final
            require(not taken, "Q9", f"{job.id} was stored beside job {other.number}, which holds its key")

    # --- exchange ---------------------------------------------------------------------------------------
    def _exchanged(
        self, machine: Machine, settle: Sequence[Settlement], claim: ClaimRequest | None, answer: Exchanged
    ) -> list[str]:
        told = [self._settled(*pair) for pair in zip(settle, answer.verdicts, strict=True)]
        if claim is not None:
            require(len(answer.jobs) <= claim.limit, "R2", "more jobs were claimed than asked for")
            told += [self._claimed(machine, claim, job) for job in answer.jobs]
        return told

    def _settled(self, settlement: Settlement, verdict: Verdict) -> str:
        known = self._get(settlement.id)
        told = f"{known.number}/{settlement.fence}:{settlement.kind}:{verdict}"
        require(verdict != "unknown" or known.removed, "Q1", f"job {known.number} is unknown")
        if verdict not in ("ok", "cancel"):
            held = settlement.fence == known.fence and known.holder is not None
            require(not held or settlement.if_lapsed, "R4", f"its holder's settlement was refused: {told}")
            repeat = known.settled == (settlement.fence, settlement.kind)
            require(not repeat, "R4", f"a repeated settlement was refused: {told}")
            return told
        if known.settled == (settlement.fence, settlement.kind):
            return told
        require(settlement.fence == known.fence, "R4", f"settled under an old fence: {told}")
        if settlement.if_lapsed:
            self._require_lapsed(known)
        else:
            require(known.holder is not None, "R4", f"settled by one who does not hold it: {told}")
        if settlement.kind == "complete":
            self._completed(known, settlement)
        if settlement.kind in _REVIVES and verdict == "ok":
            require(not known.asked, "R7", f"the wish to cancel it was forgotten: {told}")
            known.attempt -= settlement.kind in _GIVES_BACK
        known.settled, known.holder = (settlement.fence, settlement.kind), None
        self._touched.add(known.new.id)
        return told

    def _completed(self, known: Known, settlement: Settlement) -> None:
        require(known.completed is None, "Q3", f"a second result of job {known.number} was accepted")
        require(
            known.outputs.get(settlement.fence) == settlement.output,
            "Q2",
            f"job {known.number} was completed with what no execution returned",
        )
        known.completed = settlement.output

    def _require_lapsed(self, known: Known) -> None:
        holder, row = known.holder, known.row
        if holder is None or (row is not None and row.doomed):
            return
        now_ms = self._clock.now_ms()
        if known.new.deadline_at_ms is not None and known.new.deadline_at_ms <= now_ms:
            return
        require(holder.until_ms <= now_ms, "Q4", f"job {known.number} was taken before its lease lapsed")
        held_s = self._now_s() - holder.renewed_s
        early = held_s < holder.lease_s
        require(not early, "Q4", f"job {known.number} was taken {held_s:.3f} s after it was renewed")
        timeout_s = (known.new.timeout_ms or 1e12) / 1000
        in_time = self._now_s() - holder.claimed_s < timeout_s
        lived = self._calm_since_s(holder.machine) < holder.renewed_s
        require(not (in_time and lived), "R3", f"the worker of job {known.number} lived and did not renew it")

    def _claimed(self, machine: Machine, claim: ClaimRequest, job: Claimed) -> str:
        known = self._get(job.id)
        told = f"{known.number}/{job.fence}:claimed:{job.attempt}"
        if known.holder is not None and known.fence == job.fence and known.holder.machine is machine:
            return f"{told}:again"
        require(known.holder is None, "Q4", f"job {known.number} was claimed while another held it")
        require(not known.is_final or job.id in self._touched, "Q3", f"final job {known.number} was claimed")
        require(job.fence > known.fence, "R4", f"the fence of job {known.number} did not grow")
        require(job.attempt == known.attempt + 1, "attempts", f"job {known.number} counts {job.attempt}")
        require(job.attempt <= job.max_attempts, "attempts", f"job {known.number} has no attempt left")
        self._require_turn(known)
        held = self._tokens.setdefault(claim.token, self._steps)
        require(held == self._steps, "R4", f"a repeated claim got job {known.number} as well")
        until_ms, now_s = self._clock.now_ms() + claim.lease_ms, self._now_s()
        known.holder = Holder(machine, until_ms, claim.lease_ms / 1000, now_s, now_s)
        known.fence, known.attempt = job.fence, job.attempt
        self._touched.add(job.id)
        return told

    def _require_turn(self, known: Known) -> None:
        key = known.new.ordering_key
        for other in self.jobs.values() if key is not None else ():
            ahead = other.new.ordering_key == key and other.place < known.place and not other.is_final
            ended = other.new.id in self._touched and other.holder is None
            require(not ahead or ended, "Q7", f"job {known.number} was claimed before job {other.number}")

    def _stands_behind(self, known: Known) -> bool:
        key = known.new.ordering_key
        line = (other for other in self.jobs.values() if key is not None and other.new.ordering_key == key)
        return any(other.place < known.place and not other.is_final for other in line)

    def _next_place(self) -> int:
        self._places += 1
        return self._places

    # --- renew, report, alter -------------------------------------------------------------------------
    def _renewed(self, machine: Machine, lease: Lease, verdict: Verdict, lease_ms: int) -> str:
        known = self._get(lease.id)
        told = f"{known.number}/{lease.fence}:{verdict}"
        holder = known.holder if known.fence == lease.fence else None
        if verdict in ("ok", "cancel"):
            if holder is None:
                raise Broken("R4", f"a lease was renewed that is not held: {told}")
            until_ms, lease_s = self._clock.now_ms() + lease_ms, lease_ms / 1000
            known.holder = Holder(machine, until_ms, lease_s, holder.claimed_s, self._now_s())
        elif holder is not None:
            held_s = self._now_s() - holder.renewed_s
            early = held_s < holder.lease_s
            require(not early, "Q4", f"a lease was refused {held_s:.3f} s after it was renewed: {told}")
        return told

    def _reported(self, job_id: str, fence: int, verdict: Verdict) -> str:
        known = self._get(job_id)
        held = known.holder is not None and known.fence == fence
        require(
            held or verdict not in ("ok", "cancel"), "R4", f"a report on {known.number} by a stale worker"
        )
        return f"{known.number}/{fence}:{verdict}"

    def _altered(self, job_id: str, change: str) -> str:
        known = self._get(job_id)
        self._touched.add(job_id)
        if change == "remove":
            require(known.is_final, "Q1", f"unfinished job {known.number} was removed")
            known.removed = True
        if change == "cancel":
            known.asked = True
        if change == "requeue":
            require(known.is_final and known.completed is None, "C8", f"job {known.number} was put back")
            known.settled, known.asked, known.place = None, False, self._next_place()
            self._requeued.add(job_id)
        if change == "disable" and known.holder is not None:
            known.fence, known.holder = known.fence + 1, None
        return f"{known.number}:{change}"

    def _get(self, job_id: str) -> Known:
        known = self.jobs.get(job_id)
        if known is None:
            raise Broken("Q1", f"the store speaks of {job_id}, which it never stored")
        return known

    # --- the rows and the feed after it ---------------------------------------------------------------
    def _compare(self) -> bool:
        told = self._read_feed()
        whole = self._steps % 8 == 0
        looked_at = [
            known
            for job_id, known in self.jobs.items()
            if not known.removed and (whole or not known.is_final or job_id in self._touched)
        ]
        rows = at_once(self._store.get([known.new.id for known in looked_at]))
        before = {known.new.id: known.row for known in looked_at}
        for known in looked_at:
            row = rows.get(known.new.id)
            if row is None:
                raise Broken("Q1", f"job {known.number} is gone")
            compare(known, row, told.get(row.id, ()), put_back=row.id in self._requeued)
            known.row = row
        for known in looked_at:
            self._compare_all(known, before[known.new.id])
        self._touched.clear()
        self._requeued.clear()
        return bool(told)

    def _read_feed(self) -> dict[str, list[int]]:
        """The revisions that this step told, by job."""
        changes = at_once(self._store.changes(self._cursor, limit=1_000_000))
        self._cursor = changes.cursor
        require(not changes.resync, "Q12", "the feed cannot be followed")
        told: dict[str, list[int]] = {}
        for item in changes.items:
            told.setdefault(item.job_id, []).append(item.revision)
        return told

    def _compare_all(self, known: Known, before: JobRow | None) -> None:
        row = known.row
        if row is None or known.is_final:
            return
        if row.state == "blocked" and not row.doomed:
            waits = any(not self.jobs[edge.parent].is_final for edge in row.after) or self._stands_behind(
                known
            )
            require(
                waits, "Q12", f"job {known.number} was not released with the end of the last it waits for"
            )
        if before is None or before.state in FINAL_STATES:
            self._require_only_one(known)
        if known.holder is not None:
            self._require_recovery(known, known.holder)

    def _require_only_one(self, known: Known) -> None:
        others = (other for other in self.jobs.values() if other is not known and known.new.unique)
        for other in others:
            both = other.new.unique == known.new.unique and not other.is_final
            require(not both, "Q9", f"jobs {known.number} and {other.number} hold the same key")

    def _require_recovery(self, known: Known, holder: Holder) -> None:
        over_ms = self._clock.now_ms() - holder.until_ms
        if over_ms < RECOVERY_S * 1000 or self.set_back_s >= holder.renewed_s:
            return
        since_s = max(holder.renewed_s, self._calm_since_s(None))
        left_s = self._now_s() - since_s
        in_time = left_s < holder.lease_s + RECOVERY_S
        require(in_time, "Q5", f"job {known.number} was left alone for {left_s:.3f} s")

    def unfinished(self) -> Iterable[Known]:
        return (known for known in self.jobs.values() if not known.is_final)
