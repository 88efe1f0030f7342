-- The jobs still running under a token, as they were before they were claimed.
SELECT j.rank, j.id, j.seq, j.lane, j.fence - 1, j.attempt - 1, j.revision - 1, j.max_attempts, j.interruptions,
       j.deadline_at_ms, j.unique_hold, s.input, s.backoff, s.timeout_ms, s.trace
  FROM jobs AS j CROSS JOIN submitted AS s ON s.seq = j.seq
 WHERE j.slot = 4 AND j.slot IN (2, 3, 4, 6) AND j.claim = ?
