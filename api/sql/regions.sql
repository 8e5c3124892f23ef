-- name: all
SELECT r.name, r.title, r.simulated, r.blind_time, r.blind_reason, r.drained,
       coalesce(w.checks, 0) AS checks
FROM quivive.regions AS r
LEFT JOIN (
    SELECT region, count(*) AS checks
    FROM quivive.checks AS c
    JOIN quivive.check_revisions AS v USING (check_id, revision)
    CROSS JOIN LATERAL unnest(v.regions) AS region
    WHERE c.delete_time IS NULL AND NOT c.paused
    GROUP BY region
) AS w ON w.region = r.name
WHERE r.delete_time IS NULL AND NOT r.internal ORDER BY r.name
