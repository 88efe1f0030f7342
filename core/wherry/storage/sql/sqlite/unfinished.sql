-- Those of these jobs that are not final.  A removed job was final before it was removed.
SELECT json_group_array(json_array(j.seq, j.id))
  FROM json_each(:ids) AS b CROSS JOIN jobs AS j ON j.id = b.value
 WHERE j.slot <> 5
