-- Forget batches beyond the number kept.
DELETE FROM feed WHERE seq <= :newest - :keep
