-- name: desired
-- Jobs call us: no agent needs to know. What was learned of a page merges with the spec it is appended to.
SELECT c.check_id, r.spec || coalesce(b.spec_part, '') AS spec
FROM quivive.checks AS c
JOIN quivive.check_revisions AS r USING (check_id, revision)
LEFT JOIN quivive.page_baselines AS b USING (check_id, revision)
WHERE c.delete_time IS NULL AND NOT c.paused AND c.type <> 'heartbeat'
