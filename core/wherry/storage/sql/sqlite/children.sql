-- Who waits for this job, in the order in which they came.
SELECT json_group_array(json_array(on_failure, id))
  FROM (SELECT e.on_failure, j.id
          FROM edges AS e JOIN jobs AS j ON j.seq = e.child
         WHERE e.parent = :parent
         ORDER BY e.child, e.place)
