-- The first job of a namespace, queue and task.
INSERT INTO lanes (lane, namespace, queue, task) VALUES (?, ?, ?, ?)
