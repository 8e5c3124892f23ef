-- Who owns a shard, and how far it is committed.

-- name: shards_ensure
INSERT INTO quivive.shards (shard) SELECT generate_series(0, %(shards)s - 1) ON CONFLICT DO NOTHING;

-- name: shards_count
SELECT count(*) FROM quivive.shards;

-- name: shards_evict
-- An owner that stopped inside a transaction would keep the next one waiting for its rows. The name guards against a number that
-- has been given to somebody else's backend since.
SELECT pg_terminate_backend(a.pid, 5000)
FROM pg_stat_activity AS a
WHERE a.pid IN (SELECT backend_pid FROM quivive.shards) AND a.application_name = %(writer)s;

-- name: shards_take
UPDATE quivive.shards SET epoch = epoch + 1, owner = %(owner)s, backend_pid = NULL
RETURNING shard, epoch, position, snapshot_position, snapshot;

-- name: shards_sign
-- Leaves the backend's number for the next owner, who has to end it.
UPDATE quivive.shards AS s SET backend_pid = pg_backend_pid()
FROM unnest(%(shard)s::integer[], %(epoch)s::bigint[]) AS m (shard, epoch)
WHERE s.shard = m.shard AND s.epoch = m.epoch;

-- name: shards_mark
-- Only an owner that has not been displaced finds its rows.
UPDATE quivive.shards AS s
SET position = m.position,
    snapshot_position = coalesce(m.snapshot_position, s.snapshot_position),
    snapshot = coalesce(m.snapshot, s.snapshot)
FROM unnest(%(shard)s::integer[], %(epoch)s::bigint[], %(position)s::bigint[], %(snapshot_position)s::bigint[],
            %(snapshot)b::bytea[]) AS m (shard, epoch, position, snapshot_position, snapshot)
WHERE s.shard = m.shard AND s.epoch = m.epoch;
