-- Jobs put back at the end of a line wait for the one in front.
UPDATE jobs SET slot = 3, state = 'blocked', waiting_for = 1
 WHERE seq IN (SELECT value FROM json_each(:seqs))
