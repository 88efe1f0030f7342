-- Lanes made since the last look.
SELECT json_group_array(json_array(lane, namespace, queue, task)) FROM lanes WHERE lane > :after
