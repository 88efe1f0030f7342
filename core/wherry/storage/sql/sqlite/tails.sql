-- Who is the last in the line of each of these ordering keys.
SELECT json_group_array(json_array(t.key, t.seq))
  FROM json_each(:keys) AS b CROSS JOIN tails AS t ON t.key = b.value
