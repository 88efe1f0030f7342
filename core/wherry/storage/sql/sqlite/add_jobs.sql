-- Store jobs.  Many rows in one statement: one step of the thread, however many there are.
INSERT INTO jobs (
    seq, id, lane, slot, rank, state, run_at_ms, max_attempts, deadline_at_ms, watch_at_ms,
    unique_hold, waiting_for, doomed, print
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
