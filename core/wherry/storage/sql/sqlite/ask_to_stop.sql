-- Ask running jobs to stop; whoever settles them hears of it.
UPDATE jobs SET cancel_requested_at_ms = :now_ms, revision = revision + 1
 WHERE seq IN (SELECT value FROM json_each(:seqs))
