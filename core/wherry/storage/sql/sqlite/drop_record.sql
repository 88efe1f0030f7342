-- Forget one record.
DELETE FROM records WHERE kind = ? AND key = ?
