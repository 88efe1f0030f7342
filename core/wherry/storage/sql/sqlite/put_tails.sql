-- Jobs that are the last in line now.
INSERT INTO tails (key, seq) VALUES (?, ?)
ON CONFLICT(key) DO UPDATE SET seq = excluded.seq
