-- Lease the chosen jobs.  Nothing can have taken them since: this transaction holds the write lock.
UPDATE jobs
   SET slot = 4, state = 'running', fence = fence + 1, attempt = attempt + 1, revision = revision + 1,
       claim = :claim, worker = :worker, lease_until_ms = :until_ms, attempted_at_ms = :now_ms,
       started_at_ms = coalesce(started_at_ms, :now_ms)
 WHERE seq IN (SELECT value FROM json_each(:seqs))
