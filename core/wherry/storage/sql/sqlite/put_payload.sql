-- Keep a large payload.
INSERT OR REPLACE INTO payloads (number, text) VALUES (?, ?)
