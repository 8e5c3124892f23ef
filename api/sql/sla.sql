-- name: timezone
-- The calendar of a subject, also of one that was deleted.
SELECT c.timezone
FROM quivive.customers AS c
WHERE c.customer_id = coalesce(%(customer)s, (SELECT customer_id FROM quivive.sites WHERE site_id = %(site)s))

-- name: sites
-- Live sites, and those that were deleted inside the window, with what the plan's version at its end promised.
SELECT s.site_id, s.customer_id, s.url, c.timezone, c.holidays, p.objective
FROM quivive.sites AS s
JOIN quivive.customers AS c USING (customer_id)
CROSS JOIN LATERAL (
    SELECT objective FROM quivive.plans
    WHERE plan_id = c.plan_id
    ORDER BY create_time < %(end)s DESC, CASE WHEN create_time < %(end)s THEN -version ELSE version END
    LIMIT 1
) AS p
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

-- name: excluded
-- The down time that corrections take out of the other reading.
SELECT check_id, start_time, incident_id
FROM quivive.excluded_spans
WHERE site_id = ANY(%(sites)s) AND start_time < %(end)s AND (end_time IS NULL OR end_time > %(start)s)

-- name: maintenance
-- Also what was declared, or removed, outside the window: a single span may have been declared after the fact.
SELECT site_id, cron, start_time, duration_us, create_time, delete_time, ical
FROM quivive.maintenance
WHERE site_id = ANY(%(sites)s)
  AND (cron IS NULL OR (create_time < %(end)s AND (delete_time IS NULL OR delete_time > %(start)s)))

-- name: incidents
-- Outages of critical checks that reach into the window, with the response that the plan's version at the page promised.
SELECT i.site_id, i.start_time, i.confirm_time, i.page_time, i.acknowledge_time, i.resolve_time, i.retroactive,
       p.response_target_us, CASE p.response_hours WHEN 'business' THEN p.business_hours END AS business_hours
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.customers AS k USING (customer_id)
CROSS JOIN LATERAL (
    SELECT response_target_us, response_hours, business_hours FROM quivive.plans
    WHERE plan_id = k.plan_id
    ORDER BY create_time <= coalesce(i.page_time, i.confirm_time) DESC,
             CASE WHEN create_time <= coalesce(i.page_time, i.confirm_time) THEN -version ELSE version END
    LIMIT 1
) AS p
WHERE i.site_id = ANY(%(sites)s) AND c.critical
  AND i.start_time < %(end)s AND (i.resolve_time IS NULL OR i.resolve_time > %(start)s)
ORDER BY i.start_time, i.incident_id

-- name: all_sites
SELECT s.site_id, s.customer_id, s.url, c.timezone, c.holidays, p.objective
FROM quivive.sites AS s
JOIN quivive.customers AS c USING (customer_id)
LEFT JOIN quivive.current_plans AS p USING (plan_id)
WHERE s.delete_time IS NULL OR s.delete_time > %(start)s
ORDER BY s.site_id

-- name: all_checks
SELECT array_agg(n.site ORDER BY c.check_id), array_agg(c.check_id ORDER BY c.check_id),
       array_agg(c.create_time ORDER BY c.check_id), array_agg(coalesce(c.delete_time, 'infinity') ORDER BY c.check_id)
FROM quivive.checks AS c
JOIN unnest(%(sites)s::text[]) WITH ORDINALITY AS n (site_id, site) USING (site_id)
WHERE c.critical AND c.create_time < %(end)s AND (c.delete_time IS NULL OR c.delete_time > %(start)s)

-- name: all_intervals
-- As `histories`, but as columns. Two index scans a check, whatever there is of results or of earlier years.
SELECT array_agg(c.check_id), array_agg(i.start_time), array_agg(coalesce(i.end_time, 'infinity')), array_agg(i.state::bigint)
FROM unnest(%(checks)s::bigint[]) AS c (check_id)
CROSS JOIN LATERAL (
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time <= %(start)s ORDER BY start_time DESC LIMIT 1)
    UNION ALL
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time > %(start)s AND start_time < %(end)s)
) AS i

-- name: all_maintenance
SELECT m.site_id, m.cron, m.start_time, m.duration_us, m.create_time, m.delete_time, m.ical
FROM quivive.maintenance AS m
WHERE m.create_time < %(end)s AND (m.delete_time IS NULL OR m.delete_time > %(start)s)

-- name: all_incidents
SELECT i.site_id, i.start_time, i.resolve_time
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
WHERE c.critical AND i.start_time < %(end)s AND (i.resolve_time IS NULL OR i.resolve_time > %(start)s)

-- name: latency
-- Days that were surely aggregated as days; the hours before and after them.
SELECT a.check_name, a.region, a.phase, a.first_bucket, a.counts
FROM quivive_report.latency_daily_v1 AS a
WHERE a.site_id = %(site)s AND a.bucket_time >= %(first_day)s AND a.bucket_time < %(last_day)s AND a.counts IS NOT NULL
UNION ALL
SELECT a.check_name, a.region, a.phase, a.first_bucket, a.counts
FROM quivive_report.latency_hourly_v1 AS a
WHERE a.site_id = %(site)s AND a.bucket_time >= %(start)s AND a.bucket_time < %(end)s AND a.counts IS NOT NULL
  AND NOT (a.bucket_time >= %(first_day)s AND a.bucket_time < %(last_day)s)
