-- name: page
SELECT i.incident_id, i.site_id, i.customer_id, c.name AS check_name, i.check_id, i.start_time, i.confirm_time, i.page_time,
       i.acknowledge_time, i.resolve_time, i.cause, i.responsibility, i.regions, i.detail, i.reason, i.close_reason,
       i.retroactive, i.simulated, i.confidence, i.cause_rule, i.cause_reason, i.group_id, i.acknowledge_person
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
WHERE (%(incident)s::text IS NULL OR i.incident_id = %(incident)s)
  AND (%(site)s::text IS NULL OR i.site_id = %(site)s)
  AND (%(customer)s::text IS NULL OR i.customer_id = %(customer)s)
  AND (%(owner)s::text IS NULL OR i.customer_id = %(owner)s)
  AND (NOT %(open_only)s OR i.resolve_time IS NULL)
  AND (%(ids)s::text[] IS NULL OR i.incident_id = ANY (%(ids)s))
  AND (%(sites)s::text[] IS NULL OR i.site_id = ANY (%(sites)s)) AND i.site_id <> ALL (%(sites_not)s::text[])
  AND (%(customers)s::text[] IS NULL OR i.customer_id = ANY (%(customers)s)) AND i.customer_id <> ALL (%(customers_not)s::text[])
  AND (%(causes)s::smallint[] IS NULL OR i.cause = ANY (%(causes)s)) AND i.cause <> ALL (%(causes_not)s::smallint[])
  AND (%(responsibilities)s::smallint[] IS NULL OR i.responsibility = ANY (%(responsibilities)s))
  AND i.responsibility <> ALL (%(responsibilities_not)s::smallint[])
  AND (%(groups)s::text[] IS NULL OR i.group_id = ANY (%(groups)s))
  AND (%(open)s::boolean IS NULL OR (i.resolve_time IS NULL) = %(open)s)
  AND (%(acknowledged)s::boolean IS NULL OR (i.acknowledge_time IS NOT NULL) = %(acknowledged)s)
  AND (%(tags)s::text[] = '{}' AND %(tags_not)s::text[] = '{}' OR EXISTS (
      SELECT FROM quivive.sites AS s WHERE s.site_id = i.site_id
        AND coalesce(s.declared -> 'tags', '[]') ?& %(tags)s AND NOT coalesce(s.declared -> 'tags', '[]') ?| %(tags_not)s))
  AND (%(start)s::timestamptz IS NULL OR i.start_time >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR i.start_time < %(end)s)
  AND (%(after_start)s::timestamptz IS NULL OR i.start_time < %(after_start)s
       OR (i.start_time = %(after_start)s AND i.incident_id > %(after_id)s))
ORDER BY i.start_time DESC, i.incident_id
LIMIT %(limit)s OFFSET %(skip)s

-- name: events
SELECT time, kind, detail FROM quivive.incident_events WHERE incident_id = %(incident)s ORDER BY time, event_key

-- name: during
-- Outages of critical checks that reach into a window, oldest first.
SELECT i.incident_id, i.site_id, i.customer_id, c.name AS check_name, i.check_id, i.start_time, i.confirm_time, i.page_time,
       i.acknowledge_time, i.resolve_time, i.cause, i.responsibility, i.regions, i.detail, i.reason, i.close_reason,
       i.retroactive, i.simulated, i.confidence, i.cause_rule, i.cause_reason, i.group_id, i.acknowledge_person
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
WHERE i.site_id = ANY(%(sites)s) AND c.critical
  AND i.start_time < %(end)s AND (i.resolve_time IS NULL OR i.resolve_time > %(start)s)
ORDER BY i.start_time, i.incident_id

-- name: votes
-- What the attempts around the confirmation saw.
SELECT r.slot, r.end_time, g.name AS region, r.attempt, r.outcome, r.cause, r.http_status,
       r.dns + r.connect + r.tls + r.first_byte + r.transfer AS duration, e.content ->> 'detail' AS detail
FROM quivive.results AS r
JOIN quivive.regions AS g ON g.region_id = r.region
LEFT JOIN quivive.evidence AS e USING (check_id, slot, region, attempt)
WHERE r.check_id = %(check)s AND r.slot >= %(start)s AND r.slot <= %(end)s AND r.end_time <= %(end)s
ORDER BY r.end_time, g.name, r.attempt
LIMIT %(limit)s

-- name: subject_known
SELECT 1 AS known
WHERE EXISTS (SELECT FROM quivive.sites
              WHERE site_id = %(site)s AND (%(owner)s::text IS NULL OR customer_id = %(owner)s))
   OR EXISTS (SELECT FROM quivive.customers
              WHERE customer_id = %(customer)s AND (%(owner)s::text IS NULL OR customer_id = %(owner)s))

-- name: incident_evidence
SELECT region, slot, attempt, end_time, cause, http_status, dns, connect, tls, first_byte, transfer, content
FROM quivive.incident_evidence WHERE incident_id = %(incident)s ORDER BY end_time, region, attempt LIMIT 60

-- name: incident_votes
-- As they were counted when it was confirmed.
SELECT votes FROM quivive.decisions WHERE incident_id = %(incident)s AND kind = 'incident.confirmed' ORDER BY time LIMIT 1
