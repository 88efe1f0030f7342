-- A finished job is waited for no longer.
DELETE FROM edges WHERE parent = :parent
