-- End jobs as complete.sql does, without having read them: only if they are just as this session left them.
UPDATE jobs
   SET slot = 5, state = 'completed', revision = jobs.revision + 1, last_settled = jobs.fence || ':complete',
       output = b.column5, finished_at_ms = b.column6, watch_at_ms = NULL, claim = NULL, lease_until_ms = NULL
  FROM (VALUES (?, ?, ?, ?, ?, ?)) AS b
 WHERE jobs.seq = b.column1 AND jobs.id = b.column2 AND jobs.fence = b.column3 AND jobs.revision = b.column4
   AND jobs.slot = 4
