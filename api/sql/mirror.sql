-- name: desired
SELECT c.check_id, r.spec
FROM quivive.checks AS c
JOIN quivive.check_revisions AS r USING (check_id, revision)
WHERE c.delete_time IS NULL AND NOT c.paused
