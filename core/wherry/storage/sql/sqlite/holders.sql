-- Who holds these unique keys now.
SELECT json_group_array(json_array(u.key, u.job_id))
  FROM json_each(:keys) AS b CROSS JOIN uniques AS u ON u.key = b.value
 WHERE u.expires_at_ms IS NULL OR u.expires_at_ms > :now_ms
