-- Keep what was asked for, apart from how the job stands.
INSERT INTO submitted (
    seq, terms, fingerprint, priority, created_at_ms, timeout_ms, run_id, unique_key, unique_period_ms, tags,
    trace, parents, origin, origin_seq, ordering_key, input
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
