-- Hold unique keys; whoever stood there before has let go or expired.
INSERT INTO uniques (key, job_id, expires_at_ms)
VALUES (?, ?, ?)
ON CONFLICT(key) DO UPDATE SET job_id = excluded.job_id, expires_at_ms = excluded.expires_at_ms
