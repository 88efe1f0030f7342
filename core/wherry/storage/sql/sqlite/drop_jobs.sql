-- Remove jobs for good.
DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs))
