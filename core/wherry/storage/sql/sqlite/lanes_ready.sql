-- Those of these lanes that have a due job at all.
SELECT json_group_array(b.value)
  FROM json_each(:lanes) AS b
 WHERE EXISTS (SELECT 1 FROM jobs AS j WHERE j.slot = 0 AND j.lane = b.value)
