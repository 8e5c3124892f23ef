-- name: page
SELECT s.site_id, s.customer_id, c.title AS customer_title, c.timezone, s.url, s.paused,
       i.incident_id AS last_incident_id, i.start_time AS last_incident_start, i.resolve_time AS last_incident_resolve,
       i.cause AS last_incident_cause
FROM quivive.sites AS s
JOIN quivive.customers AS c USING (customer_id)
LEFT JOIN LATERAL (
    SELECT incident_id, start_time, resolve_time, cause FROM quivive.incidents
    WHERE site_id = s.site_id ORDER BY start_time DESC LIMIT 1
) AS i ON true
WHERE s.delete_time IS NULL
  AND (%(site)s::text IS NULL OR s.site_id = %(site)s)
  AND (%(customer)s::text IS NULL OR s.customer_id = %(customer)s)
  AND s.site_id > %(after)s
ORDER BY s.site_id
LIMIT %(limit)s

-- name: checks
SELECT check_id, site_id, name, type, target, critical, paused, interval_us, timeout_us, regions, revision, state, state_time
FROM quivive.check_states
WHERE site_id = ANY(%(sites)s)
ORDER BY site_id, name <> 'http', name

-- name: customer_known
SELECT customer_id FROM quivive.customers WHERE customer_id = %(customer)s
