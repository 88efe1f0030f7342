-- The last in line is the job before the one that has ended.
UPDATE tails SET seq = :ahead WHERE seq = :seq
