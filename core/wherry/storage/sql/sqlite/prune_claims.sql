-- A lost reply is asked for again within moments.
DELETE FROM claims WHERE at_ms < :old_ms
