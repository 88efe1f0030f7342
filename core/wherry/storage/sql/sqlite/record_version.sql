-- The version that stands, for compare and swap.
SELECT version FROM records WHERE kind = :kind AND key = :key
