-- Remember who waits for an unfinished parent.  A sleeper may wait for the same job twice.
INSERT OR IGNORE INTO edges (parent, child, place, on_failure)
VALUES (?, ?, ?, ?)
