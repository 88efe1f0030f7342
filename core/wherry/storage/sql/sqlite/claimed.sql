-- As ready.sql: the jobs still running under a token, as they were claimed.
SELECT j.rank, j.id, j.fence, j.attempt, j.lane, iif(s.input = '', 2 * j.seq, s.input), j.max_attempts,
       j.interruptions, t.backoff, nullif(s.timeout_ms, 0), j.deadline_at_ms - ?, s.trace, j.seq, j.revision,
       j.unique_hold
  FROM jobs AS j CROSS JOIN submitted AS s ON s.seq = j.seq
 CROSS JOIN terms AS t ON t.terms = s.terms
 WHERE j.slot = 4 AND j.claim = ?
