-- Those of these jobs that are due, for a claim that names its jobs.
SELECT j.rank, j.id, j.seq, j.lane, j.fence, j.attempt, j.revision, j.max_attempts, j.interruptions, j.deadline_at_ms,
       j.unique_hold, s.input, s.backoff, s.timeout_ms, s.trace
  FROM json_each(?) AS b CROSS JOIN jobs AS j ON j.id = b.value CROSS JOIN submitted AS s ON s.seq = j.seq
 WHERE j.slot = 0 AND j.lane IN (SELECT value FROM json_each(?))
   AND (j.deadline_at_ms IS NULL OR j.deadline_at_ms > ?)
