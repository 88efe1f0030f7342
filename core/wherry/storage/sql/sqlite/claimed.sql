-- As ready.sql: the jobs still running under a token, as they were claimed.
SELECT j.rank, j.id, j.fence, j.attempt, l.task, l.queue, l.namespace,
       iif(s.input = '', 2 * j.seq, s.input), j.max_attempts, j.interruptions, s.backoff, nullif(s.timeout_ms, 0),
       j.deadline_at_ms - ?, NULL, s.trace,
       j.seq, j.lane, j.revision, j.unique_hold
  FROM jobs AS j CROSS JOIN submitted AS s ON s.seq = j.seq CROSS JOIN lanes AS l ON l.lane = j.lane
 WHERE j.slot = 4 AND j.slot IN (2, 3, 4, 6) AND j.claim = ?
