-- The first job on these terms.
INSERT INTO terms (priority_step_ms, base_attempts, backoff, code_hash, place) VALUES (?, ?, ?, ?, ?)
