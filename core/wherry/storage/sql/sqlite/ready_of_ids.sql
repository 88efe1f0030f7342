-- As ready.sql: those of given jobs that are due in given lanes, for a claim that names its jobs.
SELECT j.rank, j.id, j.fence + 1, j.attempt + 1, j.lane, iif(s.input = '', 2 * j.seq, s.input), j.max_attempts,
       j.interruptions, t.backoff, nullif(s.timeout_ms, 0), j.deadline_at_ms - ?, s.trace, j.seq, j.revision,
       j.unique_hold
  FROM json_each(?) AS b CROSS JOIN jobs AS j ON j.id = b.value CROSS JOIN submitted AS s ON s.seq = j.seq
 CROSS JOIN terms AS t ON t.terms = s.terms
 WHERE j.slot = 0 AND j.lane IN (SELECT value FROM json_each(?))
   AND (j.deadline_at_ms IS NULL OR j.deadline_at_ms > ?)
