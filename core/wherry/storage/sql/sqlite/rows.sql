-- Whole jobs in the order of JobRow; a large payload is its number in payloads instead.
-- percent goes as text with 17 digits: JSON here keeps only 15.
SELECT json_group_array(json_array(
           j.id, l.namespace, l.queue, l.task, j.state,
           iif(s.input = '', 2 * j.seq, s.input), s.fingerprint, s.priority, t.priority_step_ms,
           s.created_at_ms, j.run_at_ms, j.max_attempts, t.base_attempts, t.backoff,
           iif(j.output = '', 2 * j.seq + 1, j.output), j.errors, j.attempt, j.interruptions, j.fence,
           j.epoch, j.revision, j.worker,
           j.lease_until_ms, j.deadline_at_ms, nullif(s.timeout_ms, 0), j.started_at_ms, j.attempted_at_ms,
           j.finished_at_ms, j.cancel_requested_at_ms,
           iif(j.percent IS NULL, NULL, printf('%!.17g', j.percent)), j.message, j.details, s.run_id,
           s.unique_key, s.tags, s.trace, s.parents, j.waiting_for, j.doomed, j.wake,
           CASE WHEN j.slot = 5 THEN NULL
                WHEN j.doomed IS NOT NULL THEN 'doomed'
                WHEN j.deadline_at_ms <= :now_ms THEN 'deadline'
                WHEN j.lease_until_ms <= :now_ms THEN 'lease' END,
           j.purge_at_ms, j.hidden, t.code_hash, t.place, j.home, s.origin, s.origin_seq, s.ordering_key,
           iif(s.ordering_key IS NULL, NULL,
               (SELECT p.id FROM edges AS e CROSS JOIN jobs AS p ON p.seq = e.parent
                 WHERE e.child = j.seq AND e.place = -2))))
  FROM json_each(:seqs) AS b
 CROSS JOIN jobs AS j ON j.seq = b.value
 CROSS JOIN submitted AS s ON s.seq = j.seq
 CROSS JOIN terms AS t ON t.terms = s.terms
 CROSS JOIN lanes AS l ON l.lane = j.lane
