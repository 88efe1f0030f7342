-- The next in line stands behind whoever the ended job stood behind.
UPDATE edges SET parent = :ahead WHERE parent = :seq AND place = -2
