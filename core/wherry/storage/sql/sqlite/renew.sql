-- Hold leases for longer.  Touches no index.
UPDATE jobs SET lease_until_ms = :until_ms WHERE seq IN (SELECT value FROM json_each(:seqs))
