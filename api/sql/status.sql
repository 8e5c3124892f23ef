-- What status pages show.

-- name: pages
-- A plan without status pages serves none, whatever is declared.
SELECT c.customer_id, c.title, c.locale, c.timezone, c.status_page AS declared, p.performance
FROM quivive.customers AS c
JOIN quivive.current_plans AS p USING (plan_id)
WHERE c.delete_time IS NULL AND c.status_page IS NOT NULL AND p.status_page

-- name: updates
-- What a customer may read of its incidents: the facts, and what the operator published.
SELECT incident_id, time, kind, detail FROM quivive.incident_events
WHERE incident_id = ANY(%(incidents)s) AND kind IN ('confirmed', 'acknowledged', 'published', 'reopened', 'resolved')
ORDER BY time, event_key

-- name: latencies
-- By the hour, of the site's own check.
SELECT site_id, bucket_time, first_bucket, counts FROM quivive_report.latency_hourly_v1
WHERE site_id = ANY(%(sites)s) AND check_name = 'http' AND phase = 'total' AND bucket_time >= %(start)s AND counts IS NOT NULL
