-- Remove what was asked for with them.
DELETE FROM submitted WHERE seq IN (SELECT value FROM json_each(:seqs))
