-- What is declared, as the aggregator needs it.

-- name: one_snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: revision
SELECT revision FROM quivive.configuration;

-- name: policies
-- Results come up to three days late, so that a deleted check is remembered for longer than that.
SELECT c.check_id, r.revision, r.revision = c.revision, c.paused OR s.paused, c.delete_time IS NOT NULL, c.critical,
       c.create_time, c.name, c.site_id, s.customer_id, r.regions, r.interval_us, r.timeout_us, r.down_attempts
FROM quivive.checks AS c
JOIN quivive.check_revisions AS r USING (check_id)
JOIN quivive.sites AS s USING (site_id)
WHERE c.delete_time IS NULL OR c.delete_time > now() - interval '4 days';

-- name: regions
SELECT name, region_id FROM quivive.regions WHERE delete_time IS NULL;

-- name: blind_regions
SELECT name FROM quivive.regions WHERE delete_time IS NULL AND blind_time IS NOT NULL;

-- name: unknown_checks
-- Watched, critical, UNKNOWN now, and known at some time since it was last paused.
SELECT c.check_id
FROM quivive.checks AS c
JOIN quivive.state_intervals AS i ON i.check_id = c.check_id AND i.end_time IS NULL AND i.state = 4
WHERE c.critical AND NOT c.paused AND c.delete_time IS NULL
  AND EXISTS (
      SELECT FROM quivive.state_intervals AS k
      WHERE k.check_id = c.check_id AND k.state IN (1, 2, 3)
        AND k.start_time > coalesce((SELECT max(p.start_time) FROM quivive.state_intervals AS p
                                     WHERE p.check_id = c.check_id AND p.state = 5), '-infinity')
  );

-- name: known_checks
-- Those whose newest interval says something.
SELECT check_id FROM quivive.state_intervals WHERE end_time IS NULL AND state IN (1, 2, 3);

-- name: last_completeness
SELECT event_key FROM quivive.outbox WHERE kind IN ('data.incomplete', 'data.complete') ORDER BY outbox_id DESC LIMIT 1;
