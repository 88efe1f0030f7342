-- How many unfinished jobs of each lane and state there are: from an index for each slot.
SELECT json_group_array(json_array(lane, state, n))
  FROM (SELECT lane, 'pending' AS state, count(*) AS n FROM jobs WHERE slot = 0 GROUP BY lane
        UNION ALL
        SELECT lane, state, count(*) FROM jobs WHERE slot = 1 GROUP BY lane, state
        UNION ALL
        SELECT lane, 'suspended', count(*) FROM jobs WHERE slot = 2 GROUP BY lane
        UNION ALL
        SELECT lane, 'blocked', count(*) FROM jobs WHERE slot = 3 GROUP BY lane
        UNION ALL
        SELECT lane, 'running', count(*) FROM jobs WHERE slot = 4 GROUP BY lane
        UNION ALL
        SELECT lane, 'blocked', count(*) FROM jobs WHERE slot = 6 GROUP BY lane)
