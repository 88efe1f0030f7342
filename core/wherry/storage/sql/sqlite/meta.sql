-- Facts about this file.
SELECT json_group_object(key, value) FROM meta
