-- The due jobs of one lane, best first.  Several lanes are joined by UNION ALL, which SQLite merges by
-- rank as it goes: no more rows are read than are claimed.
SELECT j.rank, j.id, j.seq, j.lane, j.fence, j.attempt, j.revision, j.max_attempts, j.interruptions, j.deadline_at_ms,
       j.unique_hold, s.input, s.backoff, s.timeout_ms, s.trace
  FROM jobs AS j CROSS JOIN submitted AS s ON s.seq = j.seq
 WHERE j.slot = 0 AND j.lane = ? AND (j.deadline_at_ms IS NULL OR j.deadline_at_ms > ?)
