-- How many finished jobs of each lane and state there are, from their index alone.
SELECT json_group_array(json_array(lane, state, n))
  FROM (SELECT lane, state, count(*) AS n
          FROM jobs
         WHERE state IN (SELECT value FROM json_each(:states)) AND finished_at_ms IS NOT NULL AND hidden = 0
         GROUP BY state, lane)
