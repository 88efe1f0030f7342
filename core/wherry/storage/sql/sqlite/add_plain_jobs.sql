-- Store jobs that wait for nothing, hold no key and have no deadline; the rest of their columns is as it begins.
INSERT INTO jobs (seq, id, lane, slot, rank, run_at_ms, max_attempts, print)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
