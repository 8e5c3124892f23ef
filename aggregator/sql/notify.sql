-- The outbox, as the sender sees it.

-- name: claim
-- An outage's end waits until its beginning has been sent to the same channel.
UPDATE quivive.outbox AS o
SET claim_time = now() + %(lease)s, attempts = o.attempts + 1
FROM quivive.channels AS ch
WHERE ch.channel_id = o.channel_id AND o.outbox_id IN (
    SELECT w.outbox_id
    FROM quivive.outbox AS w
    WHERE w.sent_time IS NULL AND w.cancel_reason IS NULL AND w.due_time <= now()
      AND (w.claim_time IS NULL OR w.claim_time <= now())
      AND NOT (w.kind = 'incident.resolved' AND EXISTS (
          SELECT FROM quivive.outbox AS p
          WHERE p.incident_id = w.incident_id AND p.channel_id = w.channel_id AND p.kind = 'incident.confirmed'
            AND p.sent_time IS NULL AND p.cancel_reason IS NULL))
    ORDER BY w.due_time, w.outbox_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING o.outbox_id, o.event_key, o.kind, o.incident_id, o.payload, o.attempts,
          extract(epoch FROM now() - o.create_time)::double precision, ch.channel_id, ch.type, ch.declared,
          ch.delete_time IS NOT NULL;

-- name: sent
UPDATE quivive.outbox SET sent_time = now(), last_error = NULL WHERE outbox_id = %(outbox)s;

-- name: paged
UPDATE quivive.incidents SET page_time = now() WHERE incident_id = %(incident)s AND page_time IS NULL;

-- name: incident_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
VALUES (%(key)s, %(incident)s, now(), %(kind)s, %(detail)s)
ON CONFLICT (event_key) DO NOTHING;

-- name: postpone
UPDATE quivive.outbox SET claim_time = NULL, due_time = now() + %(delay)s, last_error = %(error)s
WHERE outbox_id = %(outbox)s;

-- name: give_up
UPDATE quivive.outbox SET claim_time = NULL, cancel_reason = %(reason)s, last_error = %(error)s
WHERE outbox_id = %(outbox)s;

-- name: give_up_resolution
-- Nobody hears of the end of an outage that he never heard of.
UPDATE quivive.outbox SET cancel_reason = 'its page was given up'
WHERE incident_id = %(incident)s AND channel_id = %(channel)s AND kind = 'incident.resolved'
  AND sent_time IS NULL AND cancel_reason IS NULL;
