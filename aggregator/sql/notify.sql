-- The outbox, as the sender sees it.

-- name: claim
-- A page waits while a silence lasts. An outage's end waits until its beginning has been sent to the same receiver. Of a group only
-- one row a receiver and step is claimed at a time, and the others are told with it: the first page at once; what came to light
-- since then when nothing more has come for a moment, or after a minute of more; an end at once when it is the last one's, else
-- when the others have had time to end, too.
WITH due AS (
    SELECT w.outbox_id, w.channel_id, w.recipient, w.kind, w.step, w.is_page, w.due_time, w.told_with, i.group_id,
           max(greatest(w.due_time, w.create_time))
               OVER (PARTITION BY i.group_id, w.channel_id, w.recipient, w.kind, w.step) AS newest_time
    FROM quivive.outbox AS w
    LEFT JOIN quivive.incidents AS i USING (incident_id)
    WHERE w.sent_time IS NULL AND w.cancel_reason IS NULL AND w.due_time <= now()
      AND (w.claim_time IS NULL OR w.claim_time <= now())
      AND NOT (w.is_page AND EXISTS (
          SELECT FROM quivive.silences AS z
          WHERE z.delete_time IS NULL AND z.start_time <= now() AND z.end_time > now()
            AND (z.site_ids = '{}' AND z.customer_ids = '{}'
                 OR i.site_id = ANY (z.site_ids) OR i.customer_id = ANY (z.customer_ids))))
      AND NOT (w.kind = 'incident.resolved' AND EXISTS (
          SELECT FROM quivive.outbox AS p
          WHERE p.incident_id = w.incident_id AND p.channel_id = w.channel_id AND p.recipient = w.recipient AND p.is_page
            AND p.sent_time IS NULL AND p.cancel_reason IS NULL))
), told AS (
    SELECT j.group_id, s.channel_id, s.recipient, s.kind, s.step, max(s.sent_time) AS sent_time,
           coalesce(bool_or(s.sent_time IS NULL AND s.cancel_reason IS NULL AND s.claim_time > now()), false) AS is_under_way
    FROM (SELECT DISTINCT group_id FROM due WHERE group_id IS NOT NULL) AS d
    JOIN quivive.incidents AS j USING (group_id)
    JOIN quivive.outbox AS s USING (incident_id)
    GROUP BY j.group_id, s.channel_id, s.recipient, s.kind, s.step
), still AS (
    SELECT DISTINCT j.group_id, s.channel_id, s.recipient
    FROM (SELECT DISTINCT group_id FROM due WHERE group_id IS NOT NULL) AS d
    JOIN quivive.incidents AS j USING (group_id)
    JOIN quivive.outbox AS s USING (incident_id)
    WHERE s.is_page AND s.sent_time IS NOT NULL AND j.resolve_time IS NULL
), leaders AS (
    SELECT DISTINCT ON (coalesce(d.group_id, d.outbox_id::text), d.channel_id, d.recipient, d.kind, d.step) d.outbox_id
    FROM due AS d
    LEFT JOIN told AS t ON t.group_id = d.group_id AND t.channel_id = d.channel_id AND t.recipient = d.recipient
                           AND t.kind = d.kind AND t.step = d.step
    LEFT JOIN still AS p ON p.group_id = d.group_id AND p.channel_id = d.channel_id AND p.recipient = d.recipient
    WHERE d.group_id IS NULL
       OR NOT t.is_under_way
          AND CASE WHEN d.is_page THEN t.sent_time IS NULL OR d.newest_time <= now() - %(quiet)s
                                       OR t.sent_time <= now() - %(storm)s
                   WHEN d.kind = 'incident.resolved' THEN p.group_id IS NULL OR d.due_time <= now() - %(settle)s
                   ELSE true END
    ORDER BY coalesce(d.group_id, d.outbox_id::text), d.channel_id, d.recipient, d.kind, d.step, d.told_with IS NOT NULL,
             d.due_time, d.outbox_id
)
UPDATE quivive.outbox AS o
SET claim_time = now() + %(lease)s, attempts = o.attempts + 1, told_with = NULL
FROM quivive.channels AS ch
WHERE ch.channel_id = o.channel_id AND o.outbox_id IN (
    SELECT w.outbox_id
    FROM quivive.outbox AS w
    WHERE w.outbox_id IN (SELECT outbox_id FROM leaders)
      AND w.sent_time IS NULL AND w.cancel_reason IS NULL AND (w.claim_time IS NULL OR w.claim_time <= now())
    ORDER BY w.due_time, w.outbox_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING o.outbox_id, o.event_key, o.kind, o.incident_id, o.payload, o.attempts,
          extract(epoch FROM now() - o.create_time)::double precision, ch.channel_id, ch.type, ch.declared,
          ch.delete_time IS NOT NULL,
          (SELECT g.attributes[1] FROM quivive.incidents AS i JOIN quivive.incident_groups AS g USING (group_id)
           WHERE i.incident_id = o.incident_id),
          -- What it follows up: the page that told of this incident, or else the first page of its group.
          coalesce(
              (SELECT coalesce(l.event_key, p.event_key)
               FROM quivive.outbox AS p LEFT JOIN quivive.outbox AS l ON l.outbox_id = p.told_with
               WHERE p.incident_id = o.incident_id AND p.channel_id = o.channel_id AND p.recipient = o.recipient AND p.is_page
                 AND p.sent_time IS NOT NULL
               ORDER BY p.sent_time, p.outbox_id LIMIT 1),
              (SELECT p.event_key
               FROM quivive.incidents AS i JOIN quivive.incidents AS j USING (group_id)
               JOIN quivive.outbox AS p ON p.incident_id = j.incident_id
               WHERE i.incident_id = o.incident_id AND p.channel_id = o.channel_id AND p.recipient = o.recipient AND p.is_page
                 AND p.sent_time IS NOT NULL AND p.told_with IS NULL
               ORDER BY p.sent_time, p.outbox_id LIMIT 1)),
          -- How its receiver calls the first message of that conversation.
          (SELECT p.receipt
           FROM quivive.incidents AS i
           JOIN quivive.incidents AS j ON j.incident_id = i.incident_id OR j.group_id = i.group_id
           JOIN quivive.outbox AS p ON p.incident_id = j.incident_id
           WHERE i.incident_id = o.incident_id AND p.channel_id = o.channel_id AND p.recipient = o.recipient AND p.is_page
             AND p.sent_time IS NOT NULL AND p.receipt IS NOT NULL
           ORDER BY p.sent_time, p.outbox_id LIMIT 1),
          (SELECT count(*)::integer FROM quivive.incidents AS i
           JOIN quivive.incidents AS j ON j.incident_id = i.incident_id OR j.group_id = i.group_id
           WHERE i.incident_id = o.incident_id AND j.resolve_time IS NULL),
          o.recipient_data;

-- name: tell_with
-- The others of the group whose news of the same kind is due on the same channel go out with the claimed one.
UPDATE quivive.outbox AS o
SET claim_time = l.claim_time, attempts = o.attempts + 1, told_with = l.outbox_id
FROM quivive.outbox AS l
JOIN quivive.incidents AS i ON i.incident_id = l.incident_id
JOIN quivive.incidents AS j ON j.group_id = i.group_id
WHERE l.outbox_id = ANY (%(leading)s::bigint[]) AND o.incident_id = j.incident_id AND o.channel_id = l.channel_id
  AND o.recipient = l.recipient AND o.kind = l.kind AND o.step = l.step AND o.outbox_id <> l.outbox_id
  AND o.sent_time IS NULL AND o.cancel_reason IS NULL AND o.due_time <= now()
  AND (o.claim_time IS NULL OR o.claim_time <= now())
  AND NOT (o.kind = 'incident.resolved' AND EXISTS (
      SELECT FROM quivive.outbox AS p
      WHERE p.incident_id = o.incident_id AND p.channel_id = o.channel_id AND p.recipient = o.recipient AND p.is_page
        AND p.sent_time IS NULL AND p.cancel_reason IS NULL))
  AND NOT (o.is_page AND EXISTS (
      SELECT FROM quivive.silences AS z
      WHERE z.delete_time IS NULL AND z.start_time <= now() AND z.end_time > now()
        AND (z.site_ids = '{}' AND z.customer_ids = '{}'
             OR j.site_id = ANY (z.site_ids) OR j.customer_id = ANY (z.customer_ids))))
RETURNING o.told_with, o.payload;

-- name: sent
UPDATE quivive.outbox
SET sent_time = now(), last_error = NULL, receipt = CASE WHEN outbox_id = %(outbox)s THEN %(receipt)s::text END
WHERE (outbox_id = %(outbox)s OR told_with = %(outbox)s) AND sent_time IS NULL AND cancel_reason IS NULL;

-- name: paged
-- A customer's contacts are told, but nobody expects an answer of them.
UPDATE quivive.incidents SET page_time = now()
WHERE page_time IS NULL AND incident_id IN (
    SELECT incident_id FROM quivive.outbox
    WHERE (outbox_id = %(outbox)s OR told_with = %(outbox)s) AND sent_time IS NOT NULL AND recipient NOT LIKE 'contacts/%%'
);

-- name: paged_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT 'incident.paged/' || o.incident_id, o.incident_id, now(), 'paged',
       CASE WHEN o.recipient = '' THEN '' ELSE substr(o.recipient, 8) || ' on ' END || o.channel_id
       || CASE WHEN o.told_with IS NULL THEN '' ELSE ', with incident ' || %(incident)s::text END
FROM quivive.outbox AS o
WHERE (o.outbox_id = %(outbox)s OR o.told_with = %(outbox)s) AND o.sent_time IS NOT NULL AND o.recipient NOT LIKE 'contacts/%%'
ON CONFLICT (event_key) DO NOTHING;

-- name: postpone
UPDATE quivive.outbox SET claim_time = NULL, due_time = now() + %(delay)s, last_error = %(error)s
WHERE (outbox_id = %(outbox)s OR told_with = %(outbox)s) AND sent_time IS NULL AND cancel_reason IS NULL;

-- name: give_up
UPDATE quivive.outbox SET claim_time = NULL, cancel_reason = %(reason)s, last_error = %(error)s
WHERE (outbox_id = %(outbox)s OR told_with = %(outbox)s) AND sent_time IS NULL AND cancel_reason IS NULL;

-- name: give_up_resolution
-- Nobody hears of the end of an outage that he never heard of.
UPDATE quivive.outbox AS o SET cancel_reason = 'its page was given up'
FROM quivive.outbox AS p
WHERE (p.outbox_id = %(outbox)s OR p.told_with = %(outbox)s) AND p.sent_time IS NULL
  AND o.incident_id = p.incident_id AND o.channel_id = p.channel_id AND o.recipient = p.recipient
  AND o.kind = 'incident.resolved' AND o.sent_time IS NULL AND o.cancel_reason IS NULL
  AND NOT EXISTS (SELECT FROM quivive.outbox AS q
                  WHERE q.incident_id = p.incident_id AND q.channel_id = p.channel_id AND q.recipient = p.recipient
                    AND q.is_page AND q.sent_time IS NOT NULL);

-- name: page_failed_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT 'incident.page_failed/' || o.incident_id || '/' || o.channel_id || CASE WHEN o.recipient = '' THEN '' ELSE '/' || o.recipient END,
       o.incident_id, now(), 'page_failed',
       CASE WHEN o.recipient = '' THEN '' ELSE o.recipient || ' on ' END || o.channel_id || ': ' || %(error)s::text
FROM quivive.outbox AS o
WHERE (o.outbox_id = %(outbox)s OR o.told_with = %(outbox)s) AND o.sent_time IS NULL
ON CONFLICT (event_key) DO NOTHING;
