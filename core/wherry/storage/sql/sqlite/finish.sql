-- End jobs in any other way.  An upsert for the reason in complete.sql.
INSERT INTO jobs (
    seq, id, state, fence, last_settled, output, errors, finished_at_ms, cancel_requested_at_ms, hidden,
    purge_at_ms
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(seq) DO UPDATE
   SET slot = 5, state = excluded.state, fence = excluded.fence, revision = revision + 1,
       last_settled = excluded.last_settled, output = coalesce(excluded.output, output),
       errors = errors || excluded.errors, finished_at_ms = excluded.finished_at_ms,
       cancel_requested_at_ms = excluded.cancel_requested_at_ms, hidden = excluded.hidden,
       purge_at_ms = excluded.purge_at_ms, watch_at_ms = excluded.purge_at_ms,
       wake = NULL, claim = NULL, lease_until_ms = NULL
