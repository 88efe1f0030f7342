-- A job that has ended stands behind nobody.
DELETE FROM edges WHERE child = :seq AND place = -2
