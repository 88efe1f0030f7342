-- Let go of the unique keys of these jobs, unless another job has taken one over by now.
DELETE FROM uniques
 WHERE key IN (SELECT s.unique_key FROM json_each(:seqs) AS b CROSS JOIN submitted AS s ON s.seq = b.value)
   AND job_id IN (SELECT j.id FROM json_each(:seqs) AS b CROSS JOIN jobs AS j ON j.seq = b.value)
