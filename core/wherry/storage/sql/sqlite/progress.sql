-- Progress of running attempts; what is not given stays.  An upsert for the reason in complete.sql.
INSERT INTO jobs (seq, id, percent, message, details)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT(seq) DO UPDATE
   SET percent = coalesce(excluded.percent, percent), message = coalesce(excluded.message, message),
       details = coalesce(excluded.details, details), revision = revision + 1
