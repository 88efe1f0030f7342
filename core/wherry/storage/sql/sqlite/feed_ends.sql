-- The first and the last batch that are kept.  Two subqueries: each is one descent, min and max in one are a scan.
SELECT json_array((SELECT min(seq) FROM feed), (SELECT max(seq) FROM feed))
