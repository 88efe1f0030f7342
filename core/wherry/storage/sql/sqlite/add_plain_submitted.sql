-- Keep what was asked for by those jobs, apart from how they stand.
INSERT INTO submitted (seq, terms, fingerprint, priority, created_at_ms, timeout_ms, input)
VALUES (?, ?, ?, ?, ?, ?, ?)
