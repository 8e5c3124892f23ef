-- Pages, planned in the transaction that records their outages; all of a micro-batch at once.

-- name: terms
-- What decides when a page is due, how grave it is and who is told. One row per maintenance rule, one with nulls where there is none.
SELECT i.incident_id, p.page_after_us, p.paging, i.cause, i.responsibility, p.response_target_us,
       CASE p.response_hours WHEN 'business' THEN p.business_hours END, k.holidays, coalesce(y.policy_id, ''), k.timezone,
       m.cron, m.start_time, m.ical, m.duration_us
FROM quivive.incidents AS i
JOIN quivive.checks AS c ON c.check_id = i.check_id AND c.critical
JOIN quivive.sites AS s ON s.site_id = i.site_id
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
JOIN quivive.current_plans AS p ON p.plan_id = k.plan_id
LEFT JOIN quivive.escalation_policies AS y
       ON y.policy_id = coalesce(s.declared ->> 'escalation_policy', k.escalation_policy, p.escalation_policy)
          AND y.delete_time IS NULL
LEFT JOIN quivive.maintenance AS m ON m.site_id = i.site_id AND m.delete_time IS NULL
WHERE i.incident_id = ANY (%(incidents)s::text[]) AND i.resolve_time IS NULL AND NOT i.retroactive;

-- name: rearm
-- It failed again before anybody was told: the page that was called off is due after all.
UPDATE quivive.outbox AS o
SET cancel_reason = NULL, due_time = f.due_time
FROM unnest(%(incident)s::text[], %(due)s::timestamptz[]) AS f (incident_id, due_time)
WHERE o.incident_id = f.incident_id AND o.is_page AND o.cancel_reason = 'resolved before it was due';

-- name: resume
UPDATE quivive.pages AS g
SET state = CASE WHEN g.escalation_id IS NULL THEN 'waiting' ELSE 'escalating' END, due_time = f.due_time
FROM unnest(%(incident)s::text[], %(due)s::timestamptz[]) AS f (incident_id, due_time)
WHERE g.incident_id = f.incident_id AND g.state = 'resolved';

-- name: resume_steps
-- An escalation goes on where it stood.
UPDATE quivive.escalation_steps AS t SET cancel_reason = NULL, due_time = greatest(t.due_time, f.due_time)
FROM unnest(%(incident)s::text[], %(due)s::timestamptz[]) AS f (incident_id, due_time)
JOIN quivive.pages AS g USING (incident_id)
WHERE g.state = 'escalating' AND t.escalation_id = g.escalation_id AND t.cancel_reason = 'resolved';

-- name: store
INSERT INTO quivive.pages (incident_id, policy_id, severity, due_time, payload)
SELECT i.incident_id, f.policy_id, f.severity, f.due_time,
       jsonb_build_object(
           'incident', i.incident_id, 'site', i.site_id, 'check', c.name, 'url', r.target,
           'customer', k.customer_id, 'customer_title', k.title, 'timezone', k.timezone,
           'cause', i.cause, 'responsibility', i.responsibility, 'detail', i.detail, 'regions', i.regions,
           'confidence', i.confidence, 'simulated', i.simulated, 'start_time', i.start_time, 'confirm_time', i.confirm_time,
           'severity', f.severity, 'respond_by', f.respond_by)
FROM unnest(%(incident)s::text[], %(due)s::timestamptz[], %(policy)s::text[], %(severity)s::text[], %(respond_by)s::timestamptz[])
     AS f (incident_id, due_time, policy_id, severity, respond_by)
JOIN quivive.incidents AS i USING (incident_id)
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.check_revisions AS r USING (check_id, revision)
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
ON CONFLICT (incident_id) DO NOTHING;

-- name: enqueue
-- Where no policy says who is told: every channel for incidents that the plan allows.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time)
SELECT 'incident.confirmed/' || g.incident_id, ch.channel_id, 'incident.confirmed', g.incident_id, g.payload, g.due_time
FROM quivive.pages AS g
JOIN quivive.incidents AS i USING (incident_id)
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
JOIN quivive.current_plans AS p ON p.plan_id = k.plan_id
JOIN quivive.channels AS ch ON ch.delete_time IS NULL AND 'incidents' = ANY (ch.audience)
                               AND quivive.channel_class(ch.type) = ANY (p.channels)
WHERE g.incident_id = ANY (%(incident)s::text[]) AND g.policy_id = ''
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: enqueue_notices
-- The customer's own contacts get mails, which are no pages: nobody is asked to answer them.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, recipient, recipient_data)
SELECT 'incident.confirmed/' || g.incident_id || '/contacts/' || (n ->> 'email'), ch.channel_id, 'incident.confirmed',
       g.incident_id, g.payload || '{"notice": true}', g.due_time, 'contacts/' || (n ->> 'email'),
       jsonb_build_object('contact', n ->> 'email', 'person_name', n ->> 'name', 'locale', coalesce(n ->> 'locale', k.locale))
FROM quivive.pages AS g
JOIN quivive.incidents AS i USING (incident_id)
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
CROSS JOIN LATERAL jsonb_array_elements(k.contacts) AS n
JOIN quivive.channels AS ch ON ch.channel_id = '@customers'
WHERE g.incident_id = ANY (%(incident)s::text[])
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: end
UPDATE quivive.pages SET state = 'resolved'
WHERE incident_id = ANY (%(incident)s::text[]) AND state IN ('waiting', 'escalating');

-- name: end_steps
-- An escalation ends with the last of its incidents.
UPDATE quivive.escalation_steps AS t SET cancel_reason = 'resolved'
FROM quivive.pages AS g
WHERE g.incident_id = ANY (%(incident)s::text[]) AND t.escalation_id = g.escalation_id
  AND t.take_time IS NULL AND t.cancel_reason IS NULL
  AND NOT EXISTS (SELECT FROM quivive.pages AS o WHERE o.escalation_id = g.escalation_id AND o.state = 'escalating');

-- name: cancel
-- Rows that a sender holds, or held when it died, may have gone out: they stay.
UPDATE quivive.outbox SET cancel_reason = 'resolved before it was due'
WHERE incident_id = ANY (%(incident)s::text[]) AND is_page
  AND sent_time IS NULL AND cancel_reason IS NULL AND claim_time IS NULL;

-- name: cancel_end
UPDATE quivive.outbox SET cancel_reason = 'failed again before it was sent'
WHERE incident_id = ANY (%(incident)s::text[]) AND kind = 'incident.resolved'
  AND sent_time IS NULL AND cancel_reason IS NULL AND claim_time IS NULL;

-- name: enqueue_end
-- Whoever was told of the outage, or is being told, hears of its end: once, however often he was told.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, recipient, recipient_data)
SELECT DISTINCT ON (o.incident_id, o.channel_id, o.recipient)
       f.event_key || CASE WHEN o.recipient = '' THEN '' ELSE '/' || o.recipient END, o.channel_id, 'incident.resolved',
       o.incident_id,
       o.payload || jsonb_build_object('start_time', i.start_time, 'resolve_time', i.resolve_time,
                                       'close_reason', i.close_reason),
       now(), o.recipient, o.recipient_data
FROM unnest(%(incident)s::text[], %(key)s::text[]) AS f (incident_id, event_key)
JOIN quivive.outbox AS o USING (incident_id)
JOIN quivive.incidents AS i USING (incident_id)
WHERE o.is_page AND o.cancel_reason IS NULL
ORDER BY o.incident_id, o.channel_id, o.recipient, o.outbox_id
ON CONFLICT (event_key, channel_id) DO NOTHING;
