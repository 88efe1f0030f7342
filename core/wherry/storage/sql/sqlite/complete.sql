-- End jobs that ran well and are kept, as nearly all do.  Not an UPDATE: values for many rows fit one
-- statement only as an upsert.  The rows are there, they were read in this transaction, so it never inserts.
INSERT INTO jobs (seq, id, output, finished_at_ms)
VALUES (?, ?, ?, ?)
ON CONFLICT(seq) DO UPDATE
   SET slot = 5, state = 'completed', revision = revision + 1, last_settled = fence || ':complete',
       output = excluded.output, finished_at_ms = excluded.finished_at_ms, watch_at_ms = NULL,
       claim = NULL, lease_until_ms = NULL
