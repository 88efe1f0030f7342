-- Scheduled jobs that fall due become ready.  Their rank says when already.
UPDATE jobs SET slot = 0 WHERE slot = 1 AND run_at_ms <= :now_ms AND state = 'pending'
