-- Batches after a cursor.
SELECT json_group_array(json_array(seq, batch))
  FROM (SELECT seq, batch FROM feed WHERE seq > :after ORDER BY seq LIMIT :limit)
