-- Jobs that call us.

-- name: unmet
-- Heartbeat checks whose row is missing, or has another name's token: the key was changed.
SELECT c.check_id, 'sites/' || c.site_id || '/checks/' || c.name AS name, h.token_hash
FROM quivive.checks AS c
LEFT JOIN quivive.heartbeats AS h USING (check_id)
WHERE c.type = 'heartbeat' AND c.delete_time IS NULL

-- name: forget
-- An earlier check of the same name had the same token.
DELETE FROM quivive.heartbeats AS h USING quivive.checks AS c
WHERE c.check_id = h.check_id AND (c.delete_time IS NOT NULL OR h.check_id = %(check)s)
  AND (h.token_hash = %(hash)s OR h.check_id = %(check)s)

-- name: meet
INSERT INTO quivive.heartbeats (check_id, token_hash) VALUES (%(check)s, %(hash)s) ON CONFLICT DO NOTHING

-- name: call
-- Recorded only for a check that is there.
WITH met AS (
    UPDATE quivive.heartbeats AS h
    SET call_time = CASE WHEN %(kind)s = 'start' THEN h.call_time ELSE now() END,
        start_time = CASE WHEN %(kind)s = 'start' THEN now() END
    FROM quivive.checks AS c
    WHERE h.token_hash = %(hash)s AND c.check_id = h.check_id AND c.delete_time IS NULL
    RETURNING h.check_id
)
INSERT INTO quivive.heartbeat_calls (check_id, kind, exit_code, detail)
SELECT check_id, %(kind)s, %(exit_code)s, %(detail)s FROM met
RETURNING call_id

-- name: hold
-- Ours, or nobody's any more. Calls have been taken without a gap when whoever takes over did so while the last holder
-- still was there.
UPDATE quivive.heartbeat_observer
SET holder = %(holder)s, renew_time = now(),
    since_time = CASE WHEN holder = %(holder)s AND renew_time >= now() - %(lease)s::interval THEN since_time
                      WHEN holder <> %(holder)s AND %(serving)s::timestamptz <= renew_time THEN since_time
                      ELSE now() END
WHERE holder = %(holder)s OR renew_time < now() - %(lease)s::interval
RETURNING since_time

-- name: release
UPDATE quivive.heartbeat_observer SET renew_time = least(renew_time, now() - %(lease)s::interval - interval '1 ms')
WHERE holder = %(holder)s

-- name: clock
SELECT now() AS now

-- name: watch
-- Silence counts anew where a check was paused.
UPDATE quivive.heartbeats AS h
SET watch_time = CASE WHEN c.paused OR s.paused THEN NULL ELSE coalesce(h.watch_time, now()) END
FROM quivive.checks AS c JOIN quivive.sites AS s USING (site_id)
WHERE c.check_id = h.check_id AND (c.paused OR s.paused) = (h.watch_time IS NOT NULL)

-- name: unpublished
SELECT k.call_id, k.check_id, c.revision, k.time, k.kind, k.exit_code, k.detail
FROM quivive.heartbeat_calls AS k
JOIN quivive.checks AS c USING (check_id)
WHERE k.publish_time IS NULL
ORDER BY k.call_id
LIMIT 1000

-- name: published
UPDATE quivive.heartbeat_calls SET publish_time = now() WHERE call_id = ANY (%(calls)s)

-- name: prune
DELETE FROM quivive.heartbeat_calls WHERE publish_time < now() - interval '30 days'

-- name: watched
SELECT c.check_id, c.revision, r.spec, r.create_time, h.watch_time, h.call_time, h.start_time, now() AS now
FROM quivive.heartbeats AS h
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.check_revisions AS r USING (check_id, revision)
WHERE c.delete_time IS NULL AND NOT c.paused AND h.watch_time IS NOT NULL
