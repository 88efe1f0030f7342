-- Suspended jobs whose time has come.
SELECT json_group_array(id)
  FROM (SELECT id
          FROM jobs
         WHERE slot = 1 AND run_at_ms <= :now_ms AND state = 'suspended'
         ORDER BY run_at_ms, id)
