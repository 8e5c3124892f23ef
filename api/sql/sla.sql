-- name: timezone
-- The calendar of a subject, also of one that was deleted.
SELECT c.timezone
FROM quivive.customers AS c
WHERE c.customer_id = coalesce(%(customer)s, (SELECT customer_id FROM quivive.sites WHERE site_id = %(site)s))

-- name: sites
-- Live sites, and those that were deleted inside the window.
SELECT s.site_id, s.customer_id, s.url, c.timezone
FROM quivive.sites AS s
JOIN quivive.customers AS c USING (customer_id)
WHERE (s.site_id = %(site)s OR s.customer_id = %(customer)s)
  AND (s.delete_time IS NULL OR s.delete_time > %(start)s OR s.site_id = %(site)s)
ORDER BY s.site_id

-- name: histories
-- Critical checks that lived in the window, with the intervals that reach into it. Two index scans a check.
SELECT c.site_id, c.check_id, c.create_time, c.delete_time, i.start_time, i.end_time, i.state
FROM quivive.checks AS c
LEFT JOIN LATERAL (
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time <= %(start)s ORDER BY start_time DESC LIMIT 1)
    UNION ALL
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time > %(start)s AND start_time < %(end)s)
) AS i ON true
WHERE c.site_id = ANY(%(sites)s) AND c.critical AND c.create_time < %(end)s
  AND (c.delete_time IS NULL OR c.delete_time > %(start)s)
ORDER BY c.site_id, c.check_id, i.start_time

-- name: maintenance
SELECT site_id, cron, start_time, duration_us, create_time, delete_time
FROM quivive.maintenance
WHERE site_id = ANY(%(sites)s) AND create_time < %(end)s AND (delete_time IS NULL OR delete_time > %(start)s)

-- name: incidents
SELECT i.site_id, count(*) AS incidents
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
WHERE i.site_id = ANY(%(sites)s) AND c.critical
  AND i.start_time < %(end)s AND (i.resolve_time IS NULL OR i.resolve_time > %(start)s)
GROUP BY i.site_id
