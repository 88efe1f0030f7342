-- Forget what removed jobs have logged, finished and been told.
DELETE FROM records
 WHERE (kind, key) IN (
    SELECT r.kind, r.key
      FROM json_each(:ids) AS b
     CROSS JOIN (SELECT 'log' AS kind UNION ALL SELECT 'step' UNION ALL SELECT 'signal') AS k
     CROSS JOIN records AS r ON r.kind = k.kind AND r.key > b.value || '/' AND r.key < b.value || '0')
