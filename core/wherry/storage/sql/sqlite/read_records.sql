-- Records of a kind by key.  The bounds of the prefix keep it to a stretch of the tree.
SELECT json_group_array(json_array(kind, key, version, value))
  FROM (SELECT kind, key, version, value FROM records
         WHERE kind = :kind AND key >= :prefix AND (:beyond IS NULL OR key < :beyond)
         ORDER BY key)
