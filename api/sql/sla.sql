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

-- What follows is read as columns: one row of arrays, `infinity` for what has no end or did not happen.

-- name: checks
-- Critical checks that lived in the window, each with the place of its site in the list.
SELECT array_agg(n.site ORDER BY c.check_id), array_agg(c.check_id ORDER BY c.check_id),
       array_agg(c.create_time ORDER BY c.check_id), array_agg(coalesce(c.delete_time, 'infinity') ORDER BY c.check_id)
FROM quivive.checks AS c
JOIN unnest(%(sites)s::text[]) WITH ORDINALITY AS n (site_id, site) USING (site_id)
WHERE c.critical AND c.create_time < %(end)s AND (c.delete_time IS NULL OR c.delete_time > %(start)s)

-- name: intervals
-- The intervals of these checks that reach into the window. Two index scans a check.
SELECT array_agg(c.check_id), array_agg(i.start_time), array_agg(coalesce(i.end_time, 'infinity')), array_agg(i.state::bigint)
FROM (
    SELECT check_id FROM quivive.checks
    WHERE site_id = ANY(%(sites)s) AND critical AND create_time < %(end)s
      AND (delete_time IS NULL OR delete_time > %(start)s)
    ORDER BY check_id
) AS c
CROSS JOIN LATERAL (
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time <= %(start)s ORDER BY start_time DESC LIMIT 1)
    UNION ALL
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time > %(start)s AND start_time < %(end)s)
) AS i

-- name: excluded
-- The down time that corrections take out of the other reading.
SELECT array_agg(check_id), array_agg(start_time), array_agg(incident_id)
FROM quivive.excluded_spans
WHERE site_id = ANY(%(sites)s) AND start_time < %(end)s AND (end_time IS NULL OR end_time > %(start)s)

-- name: maintenance
-- Also what was declared, or removed, outside the window: a single span may have been declared after the fact.
SELECT array_agg(site_id), array_agg(cron), array_agg(coalesce(start_time, 'infinity')),
       array_agg(coalesce(duration_us, 9223372036854775807)), array_agg(create_time),
       array_agg(coalesce(delete_time, 'infinity')), array_agg(ical)
FROM quivive.maintenance
WHERE site_id = ANY(%(sites)s)
  AND (cron IS NULL OR (create_time < %(end)s AND (delete_time IS NULL OR delete_time > %(start)s)))

-- name: incidents
-- Outages of critical checks that reach into the window, oldest first, each with its customer's plan.
SELECT array_agg(i.site_id), array_agg(i.plan_id), array_agg(i.start_time), array_agg(i.confirm_time),
       array_agg(coalesce(i.page_time, 'infinity')), array_agg(coalesce(i.acknowledge_time, 'infinity')),
       array_agg(coalesce(i.resolve_time, 'infinity')), array_agg(i.retroactive::integer::bigint)
FROM (
    SELECT i.*, k.plan_id
    FROM quivive.incidents AS i
    JOIN quivive.checks AS c USING (check_id)
    JOIN quivive.customers AS k ON k.customer_id = i.customer_id
    WHERE i.site_id = ANY(%(sites)s) AND c.critical
      AND i.start_time < %(until)s AND (i.resolve_time IS NULL OR i.resolve_time > %(since)s)
    ORDER BY i.start_time, i.incident_id
) AS i

-- name: promises
-- What each version of a plan says of responses, the oldest version first.
SELECT array_agg(plan_id), array_agg(create_time), array_agg(response_target_us),
       array_agg(CASE response_hours WHEN 'business' THEN business_hours END)
FROM (SELECT * FROM quivive.plans ORDER BY plan_id, version) AS p

-- name: all_sites
SELECT s.site_id, s.customer_id, s.url, c.timezone, c.holidays, p.objective
FROM quivive.sites AS s
JOIN quivive.customers AS c USING (customer_id)
LEFT JOIN quivive.current_plans AS p USING (plan_id)
WHERE s.delete_time IS NULL OR s.delete_time > %(start)s
ORDER BY s.site_id

-- name: all_intervals
-- As `intervals`, of every site. Two index scans a check, whatever there is of results or of earlier years.
SELECT array_agg(c.check_id), array_agg(i.start_time), array_agg(coalesce(i.end_time, 'infinity')), array_agg(i.state::bigint)
FROM quivive.checks AS c
CROSS JOIN LATERAL (
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time <= %(start)s ORDER BY start_time DESC LIMIT 1)
    UNION ALL
    (SELECT start_time, end_time, state FROM quivive.state_intervals
     WHERE check_id = c.check_id AND start_time > %(start)s AND start_time < %(end)s)
) AS i
WHERE c.critical AND c.create_time < %(end)s AND (c.delete_time IS NULL OR c.delete_time > %(start)s)

-- name: all_maintenance
-- Many sites have the same rule: a row for each, with those sites. What was declared before the window holds from its beginning.
SELECT array_agg(m.site_id) AS sites, m.cron, m.start_time, m.duration_us, greatest(m.create_time, %(start)s) AS create_time,
       m.delete_time, m.ical
FROM quivive.maintenance AS m
WHERE m.create_time < %(end)s AND (m.delete_time IS NULL OR m.delete_time > %(start)s)
GROUP BY m.cron, m.start_time, m.duration_us, greatest(m.create_time, %(start)s), m.delete_time, m.ical

-- name: all_incidents
SELECT array_agg(i.check_id), array_agg(i.start_time), array_agg(coalesce(i.resolve_time, 'infinity'))
FROM quivive.incidents AS i
WHERE quivive.outage_span(i.start_time, i.resolve_time) && tstzrange(%(start)s, %(end)s)

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
