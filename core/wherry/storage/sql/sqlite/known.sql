-- What `add` must know, in one step: the newest job's number (an end of the tree, one descent), and which of
-- these ids are stored, under which number and in which state.  Ids grow, so mostly the least of them is beyond
-- all that are stored, and nothing need be searched for.
SELECT json_array(
           coalesce((SELECT max(seq) FROM jobs), 0),
           json((SELECT json_group_array(json_array(j.id, j.seq, j.state))
                   FROM json_each(iif(:least > (SELECT max(id) FROM jobs), '[]', :ids)) AS b
                  CROSS JOIN jobs AS j ON j.id = b.value)))
