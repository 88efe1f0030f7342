-- Put unfinished jobs elsewhere: back to pending, to sleep, or a step nearer to being free.
-- An upsert for the reason in complete.sql.
INSERT INTO jobs (
    seq, id, slot, rank, state, run_at_ms, revision, attempt, interruptions, last_settled, waiting_for,
    doomed, wake, errors
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(seq) DO UPDATE
   SET slot = excluded.slot, rank = excluded.rank, state = excluded.state, run_at_ms = excluded.run_at_ms,
       revision = excluded.revision, attempt = excluded.attempt, interruptions = excluded.interruptions,
       last_settled = excluded.last_settled, waiting_for = excluded.waiting_for, doomed = excluded.doomed,
       wake = excluded.wake, errors = errors || excluded.errors, claim = NULL, lease_until_ms = NULL
