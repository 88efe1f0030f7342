-- Keep what was asked for by those jobs, apart from how they stand.
INSERT INTO submitted (
    seq, fingerprint, priority, priority_step_ms, created_at_ms, base_attempts, backoff, timeout_ms,
    code_hash, place, input
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
