-- The number of these terms.
SELECT terms
  FROM terms
 WHERE priority_step_ms = ? AND base_attempts = ? AND backoff = ? AND code_hash = ? AND place = ?
