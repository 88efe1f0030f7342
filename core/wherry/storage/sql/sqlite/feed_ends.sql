-- The first and the last batch that are kept: one descent each, where min and max in one query are a scan.
SELECT json_array((SELECT min(seq) FROM feed), (SELECT max(seq) FROM feed))
