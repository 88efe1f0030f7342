-- The steps that earlier attempts of these jobs have recorded.
SELECT json_group_array(json_array(b.value, substr(r.key, length(b.value) + 2), r.value))
  FROM json_each(:ids) AS b
 CROSS JOIN records AS r ON r.kind = 'step' AND r.key > b.value || '/' AND r.key < b.value || '0'
