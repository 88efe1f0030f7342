-- What `add` must know, in one step: the newest job's number (an end of the tree, one descent), and which of
-- these ids are stored, under which number and in which state.
SELECT json_array(
           coalesce((SELECT max(seq) FROM jobs), 0),
           json((SELECT json_group_array(json_array(j.id, j.seq, j.state))
                   FROM json_each(:ids) AS b CROSS JOIN jobs AS j ON j.id = b.value)))
