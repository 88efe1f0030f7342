"""The storage contract: fourteen verbs, each one atomic operation.

Rules that hold for all of them:

- No verb takes a time.  The store owns the clock; requests carry durations.
- Refusals of single rows are verdicts, in request order, never exceptions.  An exception means
  that nothing of the call was applied, but for `StorageUnavailable.outcome_unknown`.
- Every verb may be repeated as it was: a lost reply loses nothing and charges nothing.  (Log lines of a
  repeated `report` stand twice.)
- A lease, a deadline, a retention or a unique period is over AT its instant, not after it.
- Ids of jobs and names of signals hold no `/`: it parts the keys of their records.
- A write without the right fence changes nothing.
- Payloads are JSON text that no storage parses.
- A storage decides nothing: policy is data in the row or a `Settlement` from the core.

`wherry.testing.conformance` holds one case for each sentence below.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol, Self

from wherry.job import JobRow
from wherry.messages import (
    Added,
    Alteration,
    Capabilities,
    Changes,
    ClaimRequest,
    Counts,
    Cursor,
    Exchanged,
    Filter,
    Lease,
    NewJob,
    Record,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Verdict,
)

CountBy = Literal["state", "queue", "task"]

HIDDEN_FOR_MS = 60_000
"""How long the outcome of a job settled with `retain_ms=0` can still be read by its id."""

SCHEMA = 1
"""Version of the stored data, in `meta`; a store of a newer one is refused with `SchemaTooNew`."""


class Jobs(Protocol):
    """The life of jobs."""

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        """Store jobs, all or none, and the records with them.

        A job starts `pending`, or `blocked` while a parent in `after` is unfinished; a parent that
        has already failed dooms it (`fail`, `cancel`) or counts as done (`run`).  It is due
        `delay_ms` from now, at `run_at_ms`, or at once.

        Jobs with one `ordering_key` form a line in the order of `add`: each stands `behind` the last
        unfinished one before it and is blocked until that is final, in whatever way, as by an edge with
        `run`; through retries, snoozes, sleeps and lapses the one in front keeps its place.  When a
        job ends while it still stands behind another, the next one closes up and waits for that other.
        `after` shows only what the submitter named; `waiting_for` counts the job in front too.

        If a record's `expected` version does not stand, nothing is stored and every job is
        `refused`.  A job with gates is refused with `UnsupportedByStorage` before anything is
        stored where `capabilities.limits` is false.

        Returns:
            One a job, in order: `ok`; `duplicate` with the id of the job that stands, because the
            id is stored already or because that one holds the unique key; `refused` when a parent
            is unknown.  A parent may stand earlier in the same call.
        """
        ...

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        """Settle attempts, then move due jobs up, then claim: one transaction.

        A settlement is carried out if the job is `running` under its fence; with `if_lapsed`, if the
        fence stands and the job's `lapse` holds now, running or not.  What each kind does:

        - `complete` (output kept), `fail` (error kept), `cancel`, `disable`: final.  The unique
          key, the lease and waiting children are freed; a child whose parent did not complete
          follows its edge: `run` counts as done, `fail` and `cancel` doom it.
        - `retry`: error kept, pending after `delay_ms`.
        - `snooze`: pending after `delay_ms`, the attempt given back.
        - `release`: pending after `delay_ms`, the attempt given back, one interruption more.
        - `suspend`: `suspended`, the attempt given back, until a condition of `wake` is met; pending
          at once if one is already (a signal that came before counts; jobs: all final).
        - `retry`, `snooze`, `release` and `suspend` of a job that was asked to stop end it as `cancelled`.

        A freed child, and a job that comes back by `snooze`, `release`, a wake or a `requeue`, is told
        as `released`.  Fences never go back.  Final jobs with `retain_ms` get `purge_at_ms`;
        `retain_ms=0` hides them.

        A claim takes due pending jobs of the given namespaces, queues and tasks whose deadline is not
        over and which are not paused (record kind `pause`, key `NAMESPACE/queue/NAME` or
        `NAMESPACE/task/NAME`): lowest rank first, then lowest id.  Rank is
        `priority * priority_step_ms + run_at_ms`.  Each becomes `running` with attempt, fence and
        revision one higher, `lease_until_ms` = now + `lease_ms`.
        A token seen before returns the jobs still running under it and claims nothing new.

        Returns:
            Verdicts in order: `ok`, also for a repeat of (id, fence, kind); `cancel` when the job
            ended as cancelled instead; `lost` when another fence rules, it is not running, or has
            not lapsed; `unknown` id.  Jobs best first.  `next_due_in_ms`: when nothing was claimed,
            milliseconds until the next scheduled job of the claim falls due; None if there is none.
        """
        ...

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        """Hold each lease for `lease_ms` from now, by the store's own clock.

        A lease is held while its job is running under the same fence.  One that has lapsed holds again as
        long as nobody has settled it: when the store's clock jumps ahead, all lapse at once although their
        holders live.  Writes no change to the feed.

        Returns:
            In order: `ok`; `cancel` when it holds but the job is asked to stop; `lost` when
            another fence rules or it is not running; `unknown` id.
        """
        ...

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        """Record progress, log lines and steps of running attempts.

        A report is taken while its job is running under its fence.  `percent`, `message`, `details` replace
        what is stored unless None.  Log lines become records (`log`, `JOB/NUMBER`, numbers of ten digits
        that grow), a step becomes the record (`step`, `JOB/NAME`), written once: a repeat changes nothing.
        One `progress` change is told when percent, message or details are given.

        Returns:
            In order: `ok`, `cancel` (taken, but the job is asked to stop), `lost`, `unknown`.
        """
        ...

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        """Send messages to unfinished jobs; wakes those suspended on the name.

        Kept as the record (`signal`, `JOB/NAME/DEDUP`) until the job is removed.

        Returns:
            In order: `ok`; `duplicate` when that dedup was sent already; `refused` when the job is
            final; `unknown` id.
        """
        ...

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        """The jobs that exist, by id, hidden ones included."""
        ...

    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        """A page of jobs by id, newest first unless `oldest_first`, and the cursor of the next page.

        Each job that exists during the whole walk is met exactly once.
        """
        ...

    async def count(self, where: Filter, *, by: Sequence[CountBy] = ()) -> Counts:
        """How many jobs match, by the named fields in that order; keys without jobs are absent.

        Without `by` the only key is the empty tuple.
        """
        ...

    async def alter(self, where: Filter, change: Alteration, *, limit: int) -> Sequence[str]:
        """Change up to `limit` matching jobs, oldest first.

        - `cancel`: unfinished ones are cancelled at once, no attempt charged; running ones are asked
          to stop (once).
        - `requeue`: final but completed ones become pending and due now, `base_attempts` more to go,
          attempts and errors kept; a deadline that is over and a cancel request are dropped; one whose unique
          key another job holds is left alone.  One with an `ordering_key` goes to the end of the line, and is
          blocked while there is one.  It waits for no other parent again.
        - `disable`: unfinished ones become `disabled`; the attempt of a running one is over (fence + 1).
        - `remove`: final ones and their records (`log`, `step`, `signal`) are deleted.

        Returns:
            The ids that were changed.
        """
        ...


class Listening(Protocol):
    """An iterator of hints; `contextlib.aclosing` ends it."""

    def __aiter__(self) -> AsyncIterator[None]: ...

    async def __anext__(self) -> None: ...

    async def aclose(self) -> None: ...


class Feed(Protocol):
    """What happened, for those who follow."""

    async def changes(self, since: Cursor, *, limit: int) -> Changes:
        """Changes after the cursor in commit order: whole transactions, about `limit` items at most.

        `""` returns the head and no items.  A cursor too old, of another store or beyond the head
        returns no items, the head and `resync=True`: read state again.  A change may come twice.
        """
        ...

    def listen(self) -> Listening:
        """Yield once when the listener is set up, then whenever there may be changes.

        Read `changes` after each item and nothing is missed.  Hints may be spurious and are joined
        while the reader is busy.  Closing the iterator (`aclose`) ends the listening.
        """
        ...


class Records(Protocol):
    """Small named values: schedules, pauses, manifest, vitals."""

    async def read(self, kind: str, *, prefix: str = "") -> Sequence[Record]:
        """Records of a kind whose key starts with `prefix`, by key (code point order)."""
        ...

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        """Compare and swap, all or none.  False: some `expected` did not stand, nothing was written.

        Versions start at 1 and grow by one a write; a deleted key starts at 1 again.
        """
        ...


class Storage(Jobs, Feed, Records, Protocol):
    """A store.  Entering opens and migrates it, leaving closes it; it may be entered once."""

    @property
    def url(self) -> str:
        """Where it is, as a person would write it, without secrets."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def store_id(self) -> str | None:
        """Random, made once with the store, the epoch of its cursors; None before it was entered."""
        ...

    def fork(self) -> Storage:
        """The same store for another thread and event loop (the lease keeper's).

        Entered and left on its own; must be left before the store itself.  Its renewals go first.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...
