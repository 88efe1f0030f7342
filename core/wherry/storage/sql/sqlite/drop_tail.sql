-- The line is empty.
DELETE FROM tails WHERE seq = :seq
