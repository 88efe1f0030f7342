-- Write one record; versions start at 1.
INSERT INTO records (kind, key, version, value) VALUES (?, ?, 1, ?)
ON CONFLICT(kind, key) DO UPDATE SET version = version + 1, value = excluded.value
