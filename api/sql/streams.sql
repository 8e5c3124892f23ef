-- Changes for watchers.

-- name: since
-- What `seen` did not see and `until` (this statement's own snapshot when it is null) does, in the order of writing. What bears a
-- number from the future was restored from another server, and is history.
SELECT c.change_id, c.xid::text::bigint AS xid, c.topic, c.key, c.kind, c.time, c.site_id, k.name AS check_name, s.customer_id,
       c.incident_id, c.state, c.detail, pg_current_snapshot()::text AS snapshot
FROM quivive.changes AS c
LEFT JOIN quivive.checks AS k USING (check_id)
LEFT JOIN quivive.sites AS s ON s.site_id = c.site_id
WHERE c.xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) AND NOT pg_visible_in_snapshot(c.xid, %(seen)s::pg_snapshot)
  AND (%(until)s::pg_snapshot IS NULL OR pg_visible_in_snapshot(c.xid, %(until)s::pg_snapshot))
  AND c.xid < pg_snapshot_xmax(pg_current_snapshot())
  AND c.change_id > %(last)s
ORDER BY c.change_id
LIMIT %(limit)s

-- name: now
SELECT pg_current_snapshot()::text AS snapshot, (SELECT xid::text::bigint FROM quivive.changes_dropped) AS dropped

-- name: prune
WITH old AS (
    DELETE FROM quivive.changes WHERE record_time < now() - interval '7 days' RETURNING xid
)
UPDATE quivive.changes_dropped SET xid = greatest(xid, (SELECT max(xid) FROM old)) WHERE EXISTS (SELECT FROM old)

-- name: forget_restored
DELETE FROM quivive.changes WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())

-- name: lift_restored
UPDATE quivive.changes_dropped SET xid = pg_current_xact_id() WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())

-- name: prune_creations
DELETE FROM quivive.creations WHERE create_time < now() - interval '7 days'
