-- name: page
SELECT s.site_id, s.customer_id, c.title AS customer_title, c.timezone, s.url, s.paused,
       i.incident_id AS last_incident_id, i.start_time AS last_incident_start, i.resolve_time AS last_incident_resolve,
       i.cause AS last_incident_cause, s.declared, s.create_time
FROM quivive.sites AS s
JOIN quivive.customers AS c USING (customer_id)
LEFT JOIN LATERAL (
    SELECT incident_id, start_time, resolve_time, cause FROM quivive.incidents
    WHERE site_id = s.site_id ORDER BY start_time DESC LIMIT 1
) AS i ON true
WHERE s.delete_time IS NULL
  AND (%(site)s::text IS NULL OR s.site_id = %(site)s)
  AND (%(customer)s::text IS NULL OR s.customer_id = %(customer)s)
  AND (%(sites)s::text[] IS NULL OR s.site_id = ANY (%(sites)s))
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

-- name: find
-- The worst state first: DOWN, UNKNOWN, PARTIAL_OUTAGE, UP, PAUSED.
SELECT s.site_id, s.customer_id, s.url, s.paused, s.create_time,
       ARRAY (SELECT jsonb_array_elements_text(coalesce(s.declared -> 'tags', '[]'))) AS tags,
       coalesce(s.declared ->> 'preset', '') AS preset,
       CASE WHEN s.paused THEN 5 ELSE coalesce(w.state, 4) END AS state,
       CASE WHEN s.paused THEN 4 ELSE coalesce(w.rank, 1) END AS rank,
       coalesce(w.state_time, s.create_time) AS state_time
FROM quivive.sites AS s
LEFT JOIN LATERAL (
    SELECT c.state, CASE c.state WHEN 3 THEN 0 WHEN 4 THEN 1 WHEN 2 THEN 2 ELSE 3 END AS rank,
           CASE WHEN c.state = 1 THEN max(c.state_time) ELSE min(c.state_time) END AS state_time
    FROM quivive.check_states AS c
    WHERE c.site_id = s.site_id AND c.critical AND NOT c.paused
    GROUP BY c.state
    ORDER BY 2 LIMIT 1
) AS w ON true
WHERE s.delete_time IS NULL AND (%(customer)s::text IS NULL OR s.customer_id = %(customer)s)
ORDER BY s.site_id

-- name: tagged
SELECT site_id FROM quivive.sites
WHERE delete_time IS NULL AND declared -> 'tags' ? %(tag)s AND (%(customer)s::text IS NULL OR customer_id = %(customer)s)
ORDER BY site_id
