-- Keys held for a period that is over.
DELETE FROM uniques WHERE expires_at_ms <= :now_ms
