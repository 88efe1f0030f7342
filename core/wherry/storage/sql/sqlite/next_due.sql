-- When the next scheduled job of these lanes falls due.
SELECT min(at_ms)
  FROM (SELECT (SELECT min(j.run_at_ms) FROM jobs AS j WHERE j.slot = 1 AND j.lane = b.value) AS at_ms
          FROM json_each(:lanes) AS b)
