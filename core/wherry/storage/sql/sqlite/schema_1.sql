-- The first schema.  Each table says what it is for; statements end with a semicolon at the end of a line.
-- STRICT, so that a wrong type is refused when it is written and not met when it is read.

-- Facts about this file: schema, store_id (epoch of the feed's cursors), generation, min_writer.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Namespace, queue and task as one integer, so that the claim index is narrow.
CREATE TABLE lanes (
    lane      INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    queue     TEXT NOT NULL,
    task      TEXT NOT NULL,
    UNIQUE (namespace, queue, task)
) STRICT;

-- How a job stands.  Rewritten with every move, so whatever never changes is in `submitted`.
-- Columns have defaults because a move is written as INSERT ... ON CONFLICT(seq) DO UPDATE, see complete.sql.
-- slot: wherry.job.Slot, and 6 for blocked jobs that a parent has doomed.
-- watch_at_ms: the deadline until the job is final, then when it is to be removed.
-- print: a checksum of the fingerprint, see jobs_print.sql.
CREATE TABLE jobs (
    seq                    INTEGER PRIMARY KEY,
    id                     TEXT    NOT NULL,
    lane                   INTEGER NOT NULL DEFAULT 0,
    slot                   INTEGER NOT NULL DEFAULT 0,
    rank                   INTEGER NOT NULL DEFAULT 0,
    state                  TEXT    NOT NULL DEFAULT 'pending',
    run_at_ms              INTEGER NOT NULL DEFAULT 0,
    fence                  INTEGER NOT NULL DEFAULT 0,
    attempt                INTEGER NOT NULL DEFAULT 0,
    revision               INTEGER NOT NULL DEFAULT 1,
    max_attempts           INTEGER NOT NULL DEFAULT 1,
    interruptions          INTEGER NOT NULL DEFAULT 0,
    claim                  INTEGER,
    lease_until_ms         INTEGER,
    deadline_at_ms         INTEGER,
    cancel_requested_at_ms INTEGER,
    unique_hold            TEXT,
    last_settled           TEXT,
    waiting_for            INTEGER NOT NULL DEFAULT 0,
    doomed                 TEXT,
    wake                   TEXT,
    print                  INTEGER,
    hidden                 INTEGER NOT NULL DEFAULT 0,
    purge_at_ms            INTEGER,
    watch_at_ms            INTEGER,
    finished_at_ms         INTEGER,
    started_at_ms          INTEGER,
    attempted_at_ms        INTEGER,
    worker                 TEXT,
    percent                REAL,
    message                TEXT,
    details                TEXT,
    epoch                  INTEGER NOT NULL DEFAULT 0,
    home                   TEXT    NOT NULL DEFAULT 'local',
    errors                 TEXT    NOT NULL DEFAULT '',
    output                 TEXT
) STRICT;

-- What comes with a task's code and not with a job: the same for nearly all jobs of a task, so it is kept once.
CREATE TABLE terms (
    terms            INTEGER PRIMARY KEY,
    priority_step_ms INTEGER NOT NULL,
    base_attempts    INTEGER NOT NULL,
    backoff          TEXT    NOT NULL,
    code_hash        TEXT    NOT NULL,
    place            TEXT    NOT NULL,
    UNIQUE (priority_step_ms, base_attempts, backoff, code_hash, place)
) STRICT;

-- What a submitter asked for, under the same seq: written once, however often the job moves.
-- timeout_ms: 0 for none, because `sqlite3` binds a number faster than a NULL.
CREATE TABLE submitted (
    seq              INTEGER PRIMARY KEY,
    terms            INTEGER NOT NULL,
    fingerprint      TEXT    NOT NULL,
    priority         INTEGER NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    timeout_ms       INTEGER NOT NULL,
    run_id           TEXT,
    unique_key       TEXT,
    unique_period_ms INTEGER,
    tags             TEXT,
    trace            TEXT,
    parents          TEXT,
    origin           TEXT,
    origin_seq       INTEGER,
    ordering_key     TEXT,
    input            TEXT    NOT NULL
) STRICT;

-- Inputs (2 * seq) and outputs (2 * seq + 1) over 64 KiB; '' stands in their usual column, which is no JSON.
-- Apart, because reads answer in JSON, and as strings inside JSON they would take ten times as long.
CREATE TABLE payloads (
    number INTEGER PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT;

-- Unfinished jobs that another job waits for: on_failure is that of wherry.messages.Edge, or
-- 'wake' when the child is suspended on the parent.  place: among the parents named at `add`, from 0 on;
-- -1 of a sleeper; -2 when the child stands behind the parent in the line of their ordering key.
CREATE TABLE edges (
    parent     INTEGER NOT NULL,
    child      INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    on_failure TEXT    NOT NULL,
    PRIMARY KEY (parent, child, place)
) STRICT, WITHOUT ROWID;

-- The last unfinished job of each ordering key, for the next one to stand behind.
CREATE TABLE tails (
    key TEXT    NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who holds a unique key, and until when if it is held for a period.
CREATE TABLE uniques (
    key           TEXT NOT NULL PRIMARY KEY,
    job_id        TEXT NOT NULL,
    expires_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Claims answered lately, by a 56-bit hash of their token: a repeat must not claim more.
CREATE TABLE claims (
    claim INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL
) STRICT;

-- One row a transaction.  No AUTOINCREMENT, which would write one page more a commit: numbers
-- never come again, because the newest row is never pruned.
CREATE TABLE feed (
    seq   INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    batch TEXT    NOT NULL
) STRICT;

CREATE TABLE records (
    kind    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    value   TEXT    NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX jobs_id ON jobs (id);

-- Where an index is over one slot, slot is in it all the same: else counting would look at every job.

-- The claim index: due jobs only, so that a claim never meets a foreign, future or finished one.
CREATE INDEX jobs_ready ON jobs (slot, lane, rank, id) WHERE slot = 0;

-- Later jobs: in the order in which they fall due, and the next of given lanes.
CREATE INDEX jobs_later ON jobs (run_at_ms) WHERE slot = 1;
CREATE INDEX jobs_later_of_lane ON jobs (lane, run_at_ms) WHERE slot = 1;

-- Running jobs by claim.  Not by lease_until_ms: a renewal would then rewrite the index, and they are few.
CREATE INDEX jobs_running ON jobs (slot, claim) WHERE slot = 4;

-- Suspended, blocked and doomed ones.  An index each: `slot IN (...)` in one costs every move of a job a
-- quarter of its time.
CREATE INDEX jobs_suspended ON jobs (slot) WHERE slot = 2;
CREATE INDEX jobs_blocked ON jobs (slot) WHERE slot = 3;
CREATE INDEX jobs_doomed ON jobs (slot) WHERE slot = 6;

-- What a sweeper must look at, and when.
CREATE INDEX jobs_watched ON jobs (watch_at_ms) WHERE watch_at_ms IS NOT NULL;

-- Finished jobs: counted from the index alone, and found by age.
CREATE INDEX jobs_done ON jobs (state, lane, finished_at_ms, hidden) WHERE finished_at_ms IS NOT NULL;

CREATE INDEX uniques_expiring ON uniques (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE INDEX submitted_run ON submitted (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX edges_child ON edges (child);
CREATE UNIQUE INDEX tails_seq ON tails (seq);
