-- The due jobs of one lane, best first.  Several lanes are joined by UNION ALL, which SQLite merges by
-- rank as it goes: no more rows are read than are claimed.  The columns are those of
-- claiming.Ready; a large input is the number of its payload instead.
SELECT j.rank, j.id, j.fence + 1, j.attempt + 1, j.lane, iif(s.input = '', 2 * j.seq, s.input), j.max_attempts,
       j.interruptions, t.backoff, nullif(s.timeout_ms, 0), j.deadline_at_ms - ?, s.trace, j.seq, j.revision,
       j.unique_hold
  FROM jobs AS j CROSS JOIN submitted AS s ON s.seq = j.seq
 CROSS JOIN terms AS t ON t.terms = s.terms
 WHERE j.slot = 0 AND j.lane = ? AND (j.deadline_at_ms IS NULL OR j.deadline_at_ms > ?)
