-- The newest log line's number of each of these jobs.
SELECT json_group_array(json_array(
           b.value,
           (SELECT CAST(substr(r.key, -10) AS INTEGER) FROM records AS r
             WHERE r.kind = 'log' AND r.key > b.value || '/' AND r.key < b.value || '0'
               AND length(r.key) = length(b.value) + 11
             ORDER BY r.key DESC LIMIT 1)))
  FROM json_each(:ids) AS b
