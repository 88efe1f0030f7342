"""`exchange`, first half: attempts are settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wherry.job import Slot
from wherry.messages import ChangeKind, Payload, SettleKind, Settlement, State, Verdict, Wake
from wherry.storage.protocol import HIDDEN_FOR_MS
from wherry.storage.sqlite.held import complete_held
from wherry.storage.sqlite.moves import Finish, Move, all_final, complete, finish, pending
from wherry.storage.sqlite.payloads import stow_output
from wherry.storage.sqlite.standing import Standing, standing, wake_text
from wherry.storage.sqlite.transaction import Transaction, to_json

_FINAL: dict[SettleKind, State] = {
    "complete": "completed",
    "fail": "failed",
    "cancel": "cancelled",
    "disable": "disabled",
}

_WAKE_PLACE = -1
"""The place of a sleeper's edge: parents named at `add` count from 0."""


def settle(tx: Transaction, settlements: Sequence[Settlement], *, parents: bool) -> list[Verdict]:
    """Carry out settlements in order.

    Args:
        parents: whether any job waits for another.
    """
    if parents or len({settlement.id for settlement in settlements}) < len(settlements):
        return _settle(tx, settlements)
    verdicts: list[Verdict] = ["ok"] * len(settlements)
    others = complete_held(tx, settlements)
    for place, verdict in zip(others, _settle(tx, [settlements[place] for place in others]), strict=True):
        verdicts[place] = verdict
    return verdicts


def _settle(tx: Transaction, settlements: Sequence[Settlement]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for run in _runs(settlements):
        verdicts += _Run(tx).settle(run)
    return verdicts


def _runs(settlements: Sequence[Settlement]) -> Iterator[list[Settlement]]:
    """Stretches that can be judged from one reading, because none in them changes what another reads.

    A suspension looks at other jobs, a lapsed job may have just been doomed, and a job may come twice.
    """
    run: list[Settlement] = []
    ids: set[str] = set()
    for settlement in settlements:
        alone = settlement.kind == "suspend" or (run and run[-1].kind == "suspend")
        if run and (alone or settlement.id in ids or settlement.if_lapsed != run[-1].if_lapsed):
            yield run
            run, ids = [], set()
        run.append(settlement)
        ids.add(settlement.id)
    if run:
        yield run


class _Run:
    """Settlements that are judged together and written together."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._completed: list[tuple[Standing, Payload | None]] = []
        self._ends: list[tuple[Standing, Finish]] = []
        self._moves: list[Move] = []
        self._told: list[tuple[ChangeKind, Standing]] = []

    def settle(self, settlements: Sequence[Settlement]) -> list[Verdict]:
        found = standing(self._tx, [settlement.id for settlement in settlements])
        verdicts: list[Verdict] = [self._judge(found.get(each.id), each) for each in settlements]
        complete(self._tx, self._completed)
        finish(self._tx, self._ends)
        self._tx.insert("move", self._moves)
        for kind, job in self._told:
            self._tx.tell(kind, (job,))
        return verdicts

    def _judge(self, job: Standing | None, settlement: Settlement) -> Verdict:
        if job is None:
            return "unknown"
        kind = settlement.kind
        if job.last_settled is not None and job.last_settled == _mark(settlement):
            return "cancel" if job.state == "cancelled" and kind != "cancel" else "ok"
        if job.fence != settlement.fence or not self._may_settle(job, settlement):
            return "lost"
        if kind == "complete" and settlement.retain_ms is None and settlement.error is None:
            self._completed.append((job, settlement.output))
        elif kind in _FINAL:
            self._end(job, _FINAL[kind], settlement)
        elif job.cancel_requested_at_ms is not None:
            self._end(job, "cancelled", settlement)
            return "cancel"
        elif kind == "suspend":
            self._suspend(_given_back(job, settlement), settlement)
        else:
            self._revive(_given_back(job, settlement), settlement)
        return "ok"

    def _may_settle(self, job: Standing, settlement: Settlement) -> bool:
        if settlement.if_lapsed:
            return job.lapse(self._tx.now_ms) is not None
        return job.slot == Slot.HELD

    def _end(self, job: Standing, state: State, settlement: Settlement) -> None:
        now_ms, retain_ms = self._tx.now_ms, settlement.retain_ms
        output = stow_output(self._tx, job.seq, settlement.output) if state == "completed" else None
        purge_at_ms = None if retain_ms is None else now_ms + (retain_ms or HIDDEN_FOR_MS)
        end = Finish(
            job.seq, job.id, state, job.fence, _mark(settlement), output, _line(settlement), now_ms,
            job.cancel_requested_at_ms, retain_ms == 0, purge_at_ms,
        )  # fmt: skip
        self._ends.append((job, end))

    def _revive(self, job: Standing, settlement: Settlement) -> None:
        now_ms = self._tx.now_ms
        at_ms = settlement.run_at_ms if settlement.run_at_ms is not None else now_ms + settlement.delay_ms
        self._moves.append(pending(job, at_ms, now_ms)._replace(errors=_line(settlement)))
        self._told.append(("retrying" if settlement.kind == "retry" else "released", job))

    def _suspend(self, job: Standing, settlement: Settlement) -> None:
        tx, wake = self._tx, settlement.wake or Wake()
        if _has_signal(tx, job.id, wake) or (wake.jobs and all_final(tx, wake.jobs)):
            self._moves.append(pending(job, tx.now_ms, tx.now_ms)._replace(errors=_line(settlement)))
            self._told.append(("released", job))
            return
        until_ms = None if wake.after_ms is None else tx.now_ms + wake.after_ms
        asleep = pending(job, job.run_at_ms if until_ms is None else until_ms, tx.now_ms)
        slot = Slot.PARKED if until_ms is None else Slot.LATER
        self._moves.append(
            asleep._replace(state="suspended", slot=slot, wake=wake_text(wake), errors=_line(settlement))
        )
        watched = tx.list("unfinished", {"ids": to_json(wake.jobs)})
        tx.insert("add_edges", [(seq, job.seq, _WAKE_PLACE, "wake") for seq, _ in watched])
        self._told.append(("suspended", job))


def _line(settlement: Settlement) -> str:
    return "" if settlement.error is None else settlement.error + "\n"


def _mark(settlement: Settlement) -> str:
    """What tells a repeat of a settlement."""
    return f"{settlement.fence}:{settlement.kind}"


def _given_back(job: Standing, settlement: Settlement) -> Standing:
    """The job with the attempt uncharged, but for a retry; a release counts as an interruption."""
    kind = settlement.kind
    return job._replace(
        attempt=job.attempt - (kind != "retry"),
        interruptions=job.interruptions + (kind == "release"),
        last_settled=_mark(settlement),
    )


def _has_signal(tx: Transaction, job_id: str, wake: Wake) -> bool:
    if not wake.signals:
        return False
    names = [f"{job_id}/{name}" for name in wake.signals]
    return bool(tx.value("has_signal", {"names": to_json(names)}))
