-- How many finished jobs of each lane and state there are, from their index alone.
SELECT json_group_array(json_array(lane, state, n))
  FROM (SELECT lane, state, count(*) AS n
          FROM jobs
         WHERE slot = 5 AND hidden = 0 AND state IN (SELECT value FROM json_each(:states))
         GROUP BY state, lane)
