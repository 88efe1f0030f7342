-- What an exchange must know before it starts, in one step: has a later job fallen due, which is the newest
-- lane, was this token answered before, what is paused (NAMESPACE/queue/NAME, NAMESPACE/task/NAME), and does
-- any job wait for another, or may another come to wait for it in the line of its ordering key.
SELECT json_array(
           EXISTS (SELECT 1 FROM jobs WHERE slot = 1 AND run_at_ms <= :now_ms),
           (SELECT max(lane) FROM lanes),
           EXISTS (SELECT 1 FROM claims WHERE claim = :claim)
               OR EXISTS (SELECT 1 FROM jobs WHERE slot = 4 AND claim = :claim),
           json((SELECT json_group_array(key) FROM records WHERE kind = 'pause')),
           EXISTS (SELECT 1 FROM edges) OR EXISTS (SELECT 1 FROM tails))
