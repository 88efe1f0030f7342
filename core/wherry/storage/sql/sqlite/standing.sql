-- What a decision about these jobs needs.  One JSON text: a step a row would fight
-- over the interpreter lock with the event loop, once for every row.
SELECT json_group_array(json_array(
           j.id, j.seq, j.lane, j.slot, j.state, j.fence, j.revision, j.rank, j.run_at_ms, j.attempt,
           j.interruptions, j.lease_until_ms, j.deadline_at_ms, j.cancel_requested_at_ms, j.unique_hold,
           j.last_settled, j.waiting_for, j.doomed, j.wake,
           EXISTS (SELECT 1 FROM edges AS e WHERE e.parent = j.seq)
               OR EXISTS (SELECT 1 FROM tails AS t WHERE t.seq = j.seq)))
  FROM json_each(:ids) AS b CROSS JOIN jobs AS j ON j.id = b.value
