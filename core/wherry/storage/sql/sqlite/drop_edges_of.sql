-- A removed job waits for nobody; its number may be given again.
DELETE FROM edges WHERE child IN (SELECT value FROM json_each(:seqs))
