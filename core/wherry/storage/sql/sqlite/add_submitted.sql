-- Keep what was asked for, apart from how the job stands.
INSERT INTO submitted (
    seq, fingerprint, priority, priority_step_ms, created_at_ms, base_attempts, backoff, timeout_ms, run_id,
    unique_key, unique_period_ms, tags, trace, parents, code_hash, place, origin, origin_seq, ordering_key,
    input
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
