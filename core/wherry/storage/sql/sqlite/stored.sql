-- The numbers of those of these jobs that are stored.
SELECT json_group_array(j.seq)
  FROM json_each(:ids) AS b CROSS JOIN jobs AS j ON j.id = b.value
