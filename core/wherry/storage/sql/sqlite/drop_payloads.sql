-- Remove the large payloads of these jobs.
DELETE FROM payloads
 WHERE number IN (SELECT 2 * value FROM json_each(:seqs) UNION ALL SELECT 2 * value + 1 FROM json_each(:seqs))
