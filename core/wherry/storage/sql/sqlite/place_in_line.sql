-- Whom an ended job stands behind in the line of its ordering key, and whether it is the last there.
SELECT json_array(
           (SELECT parent FROM edges WHERE child = :seq AND place = -2),
           EXISTS (SELECT 1 FROM tails WHERE seq = :seq))
