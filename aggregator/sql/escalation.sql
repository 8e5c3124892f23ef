-- Escalations: what is due is done in one transaction with the messages that come of it. `now` is given, never taken.

-- name: people
SELECT declared FROM quivive.people WHERE delete_time IS NULL ORDER BY person_id;

-- name: schedules
SELECT declared FROM quivive.schedules WHERE delete_time IS NULL;

-- name: overrides
SELECT schedule_id, override_id, person_id, start_time, end_time FROM quivive.schedule_overrides
WHERE delete_time IS NULL AND end_time > %(now)s AND start_time <= %(now)s
ORDER BY create_time, override_id;

-- name: policies
SELECT declared FROM quivive.escalation_policies WHERE delete_time IS NULL;

-- name: channels
SELECT channel_id, type, 'incidents' = ANY (audience) FROM quivive.channels
WHERE delete_time IS NULL AND NOT internal ORDER BY channel_id;

-- name: answered
-- Acknowledging one incident of a page acknowledges all that have been told with it.
UPDATE quivive.incidents AS i
SET acknowledge_time = greatest(i.page_time, a.acknowledge_time), acknowledge_person = a.acknowledge_person
FROM quivive.pages AS g
JOIN quivive.pages AS h ON h.escalation_id = g.escalation_id AND h.incident_id <> g.incident_id
JOIN quivive.incidents AS a ON a.incident_id = h.incident_id
WHERE g.state = 'escalating' AND i.incident_id = g.incident_id
  AND i.page_time IS NOT NULL AND i.acknowledge_time IS NULL AND i.resolve_time IS NULL
  AND a.acknowledge_time IS NOT NULL
  AND (a.resolve_time IS NULL OR a.resolve_time > i.page_time)
RETURNING i.incident_id, i.acknowledge_time, a.acknowledge_person, a.incident_id;

-- name: answered_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
VALUES ('incident.acknowledged/' || %(incident)s, %(incident)s, %(time)s, 'acknowledged', %(detail)s)
ON CONFLICT (event_key) DO NOTHING;

-- name: acknowledge
UPDATE quivive.pages AS g SET state = 'acknowledged'
FROM quivive.incidents AS i
WHERE i.incident_id = g.incident_id AND g.state IN ('waiting', 'escalating') AND i.acknowledge_time IS NOT NULL
RETURNING g.incident_id;

-- name: acknowledge_cancel
-- What waits for its time or for its channel has become needless, but for the customer's own mails.
UPDATE quivive.outbox SET cancel_reason = 'acknowledged'
WHERE incident_id = ANY (%(incidents)s::text[]) AND is_page AND recipient NOT LIKE 'contacts/%%'
  AND sent_time IS NULL AND cancel_reason IS NULL AND claim_time IS NULL;

-- name: acknowledge_steps
UPDATE quivive.escalation_steps AS t SET cancel_reason = 'acknowledged'
FROM quivive.pages AS g
WHERE g.incident_id = ANY (%(incidents)s::text[]) AND t.escalation_id = g.escalation_id
  AND t.take_time IS NULL AND t.cancel_reason IS NULL
  AND NOT EXISTS (SELECT FROM quivive.pages AS o WHERE o.escalation_id = g.escalation_id AND o.state = 'escalating');

-- name: acknowledge_tell
-- Everybody who was told hears who is on it.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, recipient, recipient_data)
SELECT DISTINCT ON (o.incident_id, o.channel_id, o.recipient)
       'incident.acknowledged/' || o.incident_id || CASE WHEN o.recipient = '' THEN '' ELSE '/' || o.recipient END,
       o.channel_id, 'incident.acknowledged', o.incident_id,
       o.payload || jsonb_build_object('acknowledge_time', i.acknowledge_time, 'person', i.acknowledge_person),
       %(now)s, o.recipient, o.recipient_data
FROM quivive.outbox AS o
JOIN quivive.incidents AS i USING (incident_id)
WHERE o.incident_id = ANY (%(incidents)s::text[]) AND o.is_page AND o.cancel_reason IS NULL
  AND (o.sent_time IS NOT NULL OR o.claim_time IS NOT NULL)
  AND o.recipient NOT LIKE 'contacts/%%' AND i.resolve_time IS NULL
ORDER BY o.incident_id, o.channel_id, o.recipient, o.outbox_id
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: begin
-- Pages that are due and not muted by a silence, with the group that they are told in.
SELECT g.incident_id, coalesce(i.group_id, i.incident_id), g.policy_id, g.due_time, g.severity
FROM quivive.pages AS g
JOIN quivive.incidents AS i USING (incident_id)
WHERE g.state = 'waiting' AND g.due_time <= %(now)s
  AND NOT EXISTS (
      SELECT FROM quivive.silences AS z
      WHERE z.delete_time IS NULL AND z.start_time <= %(now)s AND z.end_time > %(now)s
        AND (z.site_ids = '{}' AND z.customer_ids = '{}'
             OR i.site_id = ANY (z.site_ids) OR i.customer_id = ANY (z.customer_ids)))
ORDER BY g.due_time, g.incident_id
LIMIT 1000
FOR UPDATE OF g SKIP LOCKED;

-- name: escalation_open
-- One transaction at a time works on an escalation.
INSERT INTO quivive.escalations (page_id, policy_id, start_time, severity)
VALUES (%(page)s, %(policy)s, %(start)s, %(severity)s)
ON CONFLICT (page_id, policy_id) DO NOTHING
RETURNING escalation_id;

-- name: escalation_lock
SELECT escalation_id FROM quivive.escalations WHERE page_id = %(page)s AND policy_id = %(policy)s FOR UPDATE;

-- name: step_plan
INSERT INTO quivive.escalation_steps (escalation_id, number, kind, whom, reason, due_time, cancel_reason)
VALUES (%(escalation)s, %(number)s, %(kind)s, %(whom)s, %(reason)s, %(due)s, %(cancel_reason)s)
ON CONFLICT (escalation_id, number) DO NOTHING;

-- name: attach
UPDATE quivive.pages SET state = 'escalating', escalation_id = %(escalation)s WHERE incident_id = ANY (%(incidents)s::text[]);

-- name: tell_joined
-- Whoever was told of others on this page is told of these, too.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, recipient, recipient_data, step)
SELECT o.kind || '/' || g.incident_id || '/' || o.step || CASE WHEN o.recipient = '' THEN '' ELSE '/' || o.recipient END,
       o.channel_id, o.kind, g.incident_id, g.payload, greatest(o.due_time, %(now)s), o.recipient, o.recipient_data,
       o.step
FROM (
    SELECT DISTINCT ON (w.channel_id, w.recipient) w.*
    FROM quivive.outbox AS w
    JOIN quivive.pages AS h USING (incident_id)
    WHERE h.escalation_id = %(escalation)s AND w.is_page AND w.step > 0 AND w.cancel_reason IS NULL
      AND w.recipient NOT LIKE 'contacts/%%'
    ORDER BY w.channel_id, w.recipient, w.outbox_id
) AS o
CROSS JOIN quivive.pages AS g
WHERE g.incident_id = ANY (%(incidents)s::text[])
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: unreminded
-- Paged, unanswered, and without a plan for when the response target comes near.
SELECT g.incident_id, g.escalation_id, g.policy_id, i.page_time, p.response_target_us,
       CASE p.response_hours WHEN 'business' THEN p.business_hours END, k.timezone, k.holidays
FROM quivive.pages AS g
JOIN quivive.incidents AS i USING (incident_id)
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
JOIN quivive.current_plans AS p ON p.plan_id = k.plan_id
WHERE g.state = 'escalating' AND i.page_time IS NOT NULL AND i.acknowledge_time IS NULL AND i.resolve_time IS NULL
  AND NOT EXISTS (SELECT FROM quivive.escalation_steps AS t
                  WHERE t.escalation_id = g.escalation_id AND t.kind = 'before_missed')
ORDER BY i.page_time
LIMIT 1000;

-- name: step_due
SELECT t.escalation_id, t.number, t.kind, t.whom, t.reason, t.due_time, e.policy_id, e.severity
FROM quivive.escalation_steps AS t
JOIN quivive.escalations AS e USING (escalation_id)
WHERE t.take_time IS NULL AND t.cancel_reason IS NULL AND t.due_time <= %(now)s
ORDER BY t.due_time, t.escalation_id, t.number
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: members
SELECT g.incident_id, i.acknowledge_time IS NOT NULL, i.resolve_time IS NOT NULL, i.site_id,
       (SELECT max(z.end_time) FROM quivive.silences AS z
        WHERE z.delete_time IS NULL AND z.start_time <= %(now)s AND z.end_time > %(now)s
          AND (z.site_ids = '{}' AND z.customer_ids = '{}'
               OR i.site_id = ANY (z.site_ids) OR i.customer_id = ANY (z.customer_ids)))
FROM quivive.pages AS g
JOIN quivive.incidents AS i USING (incident_id)
WHERE g.escalation_id = %(escalation)s
ORDER BY g.due_time, g.incident_id;

-- name: maintenance
SELECT m.site_id, k.timezone, m.cron, m.start_time, m.ical, m.duration_us
FROM quivive.maintenance AS m
JOIN quivive.sites AS s USING (site_id)
JOIN quivive.customers AS k USING (customer_id)
WHERE m.site_id = ANY (%(sites)s::text[]) AND m.delete_time IS NULL;

-- name: steps_behind
SELECT number, kind, whom, reason, due_time FROM quivive.escalation_steps
WHERE escalation_id = %(escalation)s AND take_time IS NULL AND cancel_reason IS NULL AND number <> %(number)s;

-- name: step_move
UPDATE quivive.escalation_steps SET due_time = %(due)s
WHERE escalation_id = %(escalation)s AND number = %(number)s AND take_time IS NULL AND cancel_reason IS NULL;

-- name: step_taken
UPDATE quivive.escalation_steps SET take_time = %(now)s, outcome = %(outcome)s
WHERE escalation_id = %(escalation)s AND number = %(number)s;

-- name: step_cancel
UPDATE quivive.escalation_steps SET cancel_reason = %(reason)s
WHERE escalation_id = %(escalation)s AND number = %(number)s;

-- name: tell
-- One message an incident and receiver; those of a group go out as one.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, recipient, recipient_data, step)
SELECT %(kind)s::text || '/' || g.incident_id || '/' || %(number)s::integer
       || CASE WHEN %(recipient)s::text = '' THEN '' ELSE '/' || %(recipient)s::text END,
       %(channel)s, %(kind)s::text, g.incident_id,
       g.payload || jsonb_build_object('cause', i.cause, 'responsibility', i.responsibility, 'detail', i.detail,
                                       'confidence', i.confidence, 'start_time', i.start_time,
                                       'step', %(number)s::integer, 'step_reason', %(reason)s::text),
       %(due)s, %(recipient)s::text, %(recipient_data)s, %(number)s
FROM quivive.pages AS g
JOIN quivive.incidents AS i USING (incident_id)
WHERE g.incident_id = ANY (%(incidents)s::text[])
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: told
-- Everybody who was told of the escalation's incidents.
SELECT DISTINCT ON (o.channel_id, o.recipient) o.channel_id, o.recipient, o.recipient_data
FROM quivive.outbox AS o
JOIN quivive.pages AS g USING (incident_id)
JOIN quivive.channels AS c ON c.channel_id = o.channel_id AND c.delete_time IS NULL
WHERE g.escalation_id = %(escalation)s AND o.is_page AND o.cancel_reason IS NULL AND o.recipient NOT LIKE 'contacts/%%'
ORDER BY o.channel_id, o.recipient, o.outbox_id;

-- name: escalated_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT 'incident.escalated/' || i || '/' || %(number)s::integer, i, %(now)s, 'escalated', %(detail)s
FROM unnest(%(incidents)s::text[]) AS i
ON CONFLICT (event_key) DO NOTHING;
