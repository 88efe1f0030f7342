-- Records that are written once: log lines, steps, signals.  A repeat changes nothing.
INSERT OR IGNORE INTO records (kind, key, version, value)
VALUES (?, ?, ?, ?)
