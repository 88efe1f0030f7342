-- The ordering keys of those of these jobs that have one.
SELECT json_group_array(json_array(s.seq, s.ordering_key))
  FROM json_each(:seqs) AS b CROSS JOIN submitted AS s ON s.seq = b.value
 WHERE s.ordering_key IS NOT NULL
