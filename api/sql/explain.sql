-- What was recorded of a check around an instant.

-- name: check
-- The check of this name that lived then, else the newest; without a name the first critical one.
SELECT c.check_id, c.site_id, c.name, c.critical, c.create_time, c.delete_time, r.regions, r.interval_us, r.timeout_us,
       p.page_after_us, p.channels, k.timezone
FROM quivive.checks AS c
JOIN quivive.check_revisions AS r USING (check_id, revision)
JOIN quivive.sites AS s USING (site_id)
JOIN quivive.customers AS k USING (customer_id)
JOIN quivive.current_plans AS p USING (plan_id)
WHERE c.site_id = %(site)s AND (c.name = %(check)s OR %(check)s::text IS NULL)
ORDER BY (c.create_time <= %(time)s AND (c.delete_time IS NULL OR c.delete_time > %(time)s)) DESC,
         c.critical DESC, c.create_time, c.name
LIMIT 1

-- name: interval
SELECT state, start_time, end_time, reason FROM quivive.state_intervals
WHERE check_id = %(check)s AND start_time <= %(time)s AND (end_time IS NULL OR end_time > %(time)s)

-- name: decisions
-- Those around the instant, and the last one before it, oldest first.
(SELECT time, kind, effect_time, state, incident_id, reason, quorum, votes FROM quivive.decisions
 WHERE check_id = %(check)s AND time <= %(time)s ORDER BY time DESC, kind LIMIT 1)
UNION
(SELECT time, kind, effect_time, state, incident_id, reason, quorum, votes FROM quivive.decisions
 WHERE check_id = %(check)s AND time > %(start)s AND time <= %(end)s ORDER BY time LIMIT 50)
ORDER BY time, kind

-- name: attempts
-- What was not good around the instant, and how much was.
SELECT r.end_time, g.name AS region, r.attempt, r.outcome, r.cause, e.content ->> 'detail' AS detail
FROM quivive.results AS r
JOIN quivive.regions AS g ON g.region_id = r.region
LEFT JOIN quivive.evidence AS e USING (check_id, slot, region, attempt)
WHERE r.check_id = %(check)s AND r.slot >= %(start)s AND r.slot <= %(end)s
ORDER BY (r.outcome = 1), r.end_time, g.name
LIMIT 200

-- name: blind
SELECT DISTINCT ON (e.region) e.region, e.time, e.kind, e.detail
FROM quivive.region_events AS e
WHERE e.region = ANY(%(regions)s) AND e.time <= %(time)s AND e.kind IN ('blind', 'sighted')
ORDER BY e.region, e.time DESC, e.event_id DESC

-- name: incident
-- The one that was open then, else the next one that began shortly after.
SELECT incident_id, start_time, confirm_time, page_time, resolve_time, retroactive, reason, cause_reason, group_id
FROM quivive.incidents
WHERE check_id = %(check)s AND start_time <= %(end)s AND (resolve_time IS NULL OR resolve_time > %(time)s)
ORDER BY start_time LIMIT 1

-- name: pages
SELECT o.channel_id, o.due_time, o.sent_time, o.cancel_reason, o.last_error, l.incident_id AS told_with
FROM quivive.outbox AS o
LEFT JOIN quivive.outbox AS l ON l.outbox_id = o.told_with
WHERE o.incident_id = %(incident)s AND o.kind = 'incident.confirmed'
ORDER BY o.due_time, o.channel_id

-- name: maintenance
SELECT cron, start_time, duration_us, create_time, delete_time FROM quivive.maintenance
WHERE site_id = %(site)s AND create_time <= %(time)s AND (delete_time IS NULL OR delete_time > %(time)s)
