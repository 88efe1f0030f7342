-- Outcomes by a 32-bit checksum of their fingerprint.  Made by the first who searches for one: being random,
-- it dirties a page for every job that completes, a fifth of all that a job costs here.
CREATE INDEX IF NOT EXISTS jobs_print ON jobs (print)
 WHERE state = 'completed' AND hidden = 0 AND print IS NOT NULL
