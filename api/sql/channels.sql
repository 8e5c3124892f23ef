-- name: list
SELECT c.channel_id, c.type, c.audience, c.declared, sent.time, coalesce(waiting.count, 0), waiting.error,
       drill.create_time, drill.sent_time IS NOT NULL, coalesce(drill.last_error, drill.cancel_reason, '')
FROM quivive.channels AS c
LEFT JOIN LATERAL (SELECT max(o.sent_time) AS time FROM quivive.outbox AS o WHERE o.channel_id = c.channel_id) AS sent ON true
LEFT JOIN LATERAL (
    SELECT count(*)::integer AS count, (array_agg(o.last_error ORDER BY o.due_time DESC))[1] AS error
    FROM quivive.outbox AS o
    WHERE o.channel_id = c.channel_id AND o.sent_time IS NULL AND o.cancel_reason IS NULL AND o.last_error IS NOT NULL
) AS waiting ON true
LEFT JOIN LATERAL (
    SELECT o.create_time, o.sent_time, o.last_error, o.cancel_reason FROM quivive.outbox AS o
    WHERE o.channel_id = c.channel_id AND o.kind = 'drill' AND (o.sent_time IS NOT NULL OR o.attempts > 0)
    ORDER BY o.create_time DESC LIMIT 1
) AS drill ON true
WHERE c.delete_time IS NULL AND NOT c.internal
ORDER BY c.channel_id

-- name: test
INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)
SELECT 'drill/' || channel_id || '/' || %(key)s::text, channel_id, 'drill',
       jsonb_build_object('channel', channel_id, 'time', now(), 'quiet', false), now()
FROM quivive.channels
WHERE channel_id = %(channel)s AND delete_time IS NULL AND NOT internal
RETURNING outbox_id, create_time

-- name: tested
SELECT sent_time IS NOT NULL, coalesce(last_error, cancel_reason, '') FROM quivive.outbox
WHERE outbox_id = %(outbox)s AND (sent_time IS NOT NULL OR cancel_reason IS NOT NULL OR last_error IS NOT NULL)

-- name: test_end
-- Nobody waits for its result any more: it is not tried again.
UPDATE quivive.outbox SET cancel_reason = 'a test is tried once', last_error = coalesce(last_error, %(reason)s::text)
WHERE outbox_id = %(outbox)s AND sent_time IS NULL AND cancel_reason IS NULL
