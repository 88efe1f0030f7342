-- The newest job's number; an end of the tree, so this costs one descent.
SELECT max(seq) FROM jobs
