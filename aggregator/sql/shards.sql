-- Who owns a shard, and how far it is committed.

-- name: shards_ensure
INSERT INTO quivive.shards (shard) SELECT generate_series(0, %(shards)s - 1) ON CONFLICT DO NOTHING;

-- name: shards_count
SELECT count(*) FROM quivive.shards;

-- name: aggregator_join
INSERT INTO quivive.aggregators (aggregator, lease_expire_time, session_pid, session_start_time)
SELECT %(owner)s, clock_timestamp() + %(lease)s, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid();

-- name: aggregator_renew
UPDATE quivive.aggregators AS a
SET lease_expire_time = clock_timestamp() + %(lease)s, report = %(report)s,
    session_pid = s.pid, session_start_time = s.backend_start
FROM pg_stat_activity AS s
WHERE s.pid = pg_backend_pid() AND a.aggregator = %(owner)s;

-- name: aggregator_sign
-- The session that commits, for the next owner, who has to end it.
UPDATE quivive.aggregators AS a SET writer_pid = s.pid, writer_start_time = s.backend_start
FROM pg_stat_activity AS s
WHERE s.pid = pg_backend_pid() AND a.aggregator = %(owner)s;

-- name: aggregators_dead
-- Those whose lease ran out, and those without a session that have missed a renewal or two. Only one of us sees to each.
SELECT a.aggregator
FROM quivive.aggregators AS a
WHERE a.aggregator <> %(owner)s
  AND (a.lease_expire_time < clock_timestamp()
       OR a.lease_expire_time < clock_timestamp() + %(missed)s AND NOT EXISTS (
           SELECT FROM pg_stat_activity AS s WHERE s.pid = a.session_pid AND s.backend_start = a.session_start_time))
FOR UPDATE SKIP LOCKED;

-- name: aggregator_end
-- One that stopped inside a transaction would keep others waiting for its rows and locks. Start and name guard against a number
-- that has been given to somebody else's session since; the names of its other sessions are nobody else's.
SELECT pg_terminate_backend(s.pid, 2000)
FROM quivive.aggregators AS a
JOIN pg_stat_activity AS s
  ON s.application_name = %(others)s
     OR s.application_name = %(writer)s AND s.pid = a.writer_pid AND s.backend_start = a.writer_start_time
WHERE a.aggregator = %(aggregator)s;

-- name: aggregator_leave
DELETE FROM quivive.aggregators WHERE aggregator = %(aggregator)s;

-- name: aggregators
SELECT a.aggregator, a.report, (SELECT count(*) FROM quivive.shards AS s WHERE s.owner = a.aggregator)
FROM quivive.aggregators AS a
ORDER BY a.start_time, a.aggregator;

-- name: shards_take
UPDATE quivive.shards AS s SET epoch = epoch + 1, owner = %(owner)s
FROM (
    SELECT shard FROM quivive.shards WHERE owner IS NULL ORDER BY shard LIMIT %(most)s FOR UPDATE SKIP LOCKED
) AS free
WHERE s.shard = free.shard
RETURNING s.shard, s.epoch, s.position, s.snapshot_position, s.snapshot, s.stream_time;

-- name: shards_keep
UPDATE quivive.shards SET owner = NULL WHERE owner = %(owner)s AND shard <> ALL (%(shards)s::integer[]);

-- name: shards_mark
-- Only an owner that has not been displaced finds its rows.
UPDATE quivive.shards AS s
SET position = m.position,
    snapshot_position = coalesce(m.snapshot_position, s.snapshot_position),
    snapshot = coalesce(m.snapshot, s.snapshot),
    stream_time = coalesce(%(stream_time)s::timestamptz, s.stream_time)
FROM unnest(%(shard)s::integer[], %(epoch)s::bigint[], %(position)s::bigint[], %(snapshot_position)s::bigint[],
            %(snapshot)s::bytea[]) AS m (shard, epoch, position, snapshot_position, snapshot)
WHERE s.shard = m.shard AND s.epoch = m.epoch;
