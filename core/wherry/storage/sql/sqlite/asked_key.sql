-- The unique key that a job was submitted with, to take it again.
SELECT json_array(s.unique_key, s.unique_period_ms) FROM submitted AS s WHERE s.seq = :seq
