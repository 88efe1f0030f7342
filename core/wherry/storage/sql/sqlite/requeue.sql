-- Give finished jobs another round, due now.  An upsert for the reason in complete.sql.
-- last_settled goes, because the fence stays until the next claim and the job may lapse before: no repeat.
INSERT INTO jobs (seq, id, rank, run_at_ms)
VALUES (?, ?, ?, ?)
ON CONFLICT(seq) DO UPDATE
   SET slot = 0, state = 'pending', rank = excluded.rank, run_at_ms = excluded.run_at_ms,
       revision = revision + 1,
       max_attempts = attempt + (SELECT t.base_attempts
                                   FROM submitted AS s CROSS JOIN terms AS t ON t.terms = s.terms
                                  WHERE s.seq = jobs.seq),
       deadline_at_ms = iif(deadline_at_ms <= excluded.run_at_ms, NULL, deadline_at_ms),
       watch_at_ms = iif(deadline_at_ms <= excluded.run_at_ms, NULL, deadline_at_ms),
       finished_at_ms = NULL, cancel_requested_at_ms = NULL, purge_at_ms = NULL, doomed = NULL,
       waiting_for = 0, hidden = 0, wake = NULL,
       last_settled = NULL
