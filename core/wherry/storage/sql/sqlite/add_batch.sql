-- Tell what one transaction has changed.  The number is one above the highest, which is never pruned.
INSERT INTO feed (at_ms, batch) VALUES (?, ?)
