-- Forget old batches, a few at a time.  Never the newest: its number is the next one's base.
DELETE FROM feed
 WHERE seq < (SELECT min(seq) FROM feed) + 1000 AND seq < :newest AND at_ms < :old_ms
