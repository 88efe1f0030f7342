-- Whether any of these messages has come: each is given as JOB/NAME, its records are JOB/NAME/DEDUP.
SELECT EXISTS (
    SELECT 1 FROM json_each(:names) AS b
     CROSS JOIN records AS r ON r.kind = 'signal' AND r.key > b.value || '/' AND r.key < b.value || '0')
