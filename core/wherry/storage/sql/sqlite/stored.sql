-- Which of these ids are stored, under which number and in which state.
SELECT json_group_array(json_array(j.id, j.seq, j.state))
  FROM json_each(:ids) AS b CROSS JOIN jobs AS j ON j.id = b.value
