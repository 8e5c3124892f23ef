-- One micro-batch. Every statement may be repeated after a commit that went unanswered.

-- name: storage_is_native
SELECT partitions = 'native' FROM quivive.storage;

-- name: partition_make
SELECT quivive.make_partition(%s);

-- name: hours_stale
INSERT INTO quivive.stale_hours
SELECT unnest(%s::timestamptz[]) WHERE (SELECT upkeep = 'jobs' FROM quivive.storage);

-- name: results_copy
COPY quivive.results FROM STDIN (FORMAT binary);

-- name: staging_create
CREATE TEMPORARY TABLE staged_results (LIKE quivive.results) ON COMMIT DELETE ROWS;

-- name: staging_copy
COPY staged_results FROM STDIN (FORMAT binary);

-- name: staging_store
INSERT INTO quivive.results SELECT * FROM staged_results ON CONFLICT DO NOTHING;

-- name: evidence_store
INSERT INTO quivive.evidence (check_id, slot, region, attempt, content) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING;

-- name: certificate_store
INSERT INTO quivive.certificates AS c (check_id, host, fingerprint, address, subject, issuer, names, not_before, not_after,
                                       protocol, cipher, verified, first_time, last_time)
VALUES (%(check)s, %(host)s, %(fingerprint)s, %(address)s, %(subject)s, %(issuer)s, %(names)s, %(not_before)s, %(not_after)s,
        %(protocol)s, %(cipher)s, %(verified)s, %(time)s, %(time)s)
ON CONFLICT (check_id, host, fingerprint) DO UPDATE
SET address = EXCLUDED.address, protocol = EXCLUDED.protocol, cipher = EXCLUDED.cipher, verified = EXCLUDED.verified,
    last_time = EXCLUDED.last_time
WHERE c.last_time < EXCLUDED.last_time;

-- name: poison_store
INSERT INTO quivive.poison (sequence, subject, time, reason, data) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING;

-- name: poison_prune
DELETE FROM quivive.poison
WHERE sequence <= (SELECT sequence FROM quivive.poison ORDER BY sequence DESC OFFSET 10000 LIMIT 1);

-- name: intervals_newest
SELECT check_id, max(start_time) FROM quivive.state_intervals WHERE check_id = ANY (%(check)s::bigint[]) GROUP BY check_id;

-- name: intervals_delete
DELETE FROM quivive.state_intervals AS i
USING unnest(%(check)s::bigint[], %(start)s::timestamptz[]) AS f (check_id, start_time)
WHERE i.check_id = f.check_id AND i.start_time >= f.start_time;

-- name: intervals_cut
-- Only a check's first change meets an interval: what starts later is gone, and its own spans are not there yet.
UPDATE quivive.state_intervals AS i
SET end_time = CASE WHEN i.state = f.state AND i.incident_id IS NOT DISTINCT FROM f.incident_id THEN f.end_time
                    ELSE f.start_time END
FROM (
    SELECT DISTINCT ON (check_id) *
    FROM unnest(%(check)s::bigint[], %(start)s::timestamptz[], %(end)s::timestamptz[], %(state)s::smallint[],
                %(incident)s::text[]) AS c (check_id, start_time, end_time, state, incident_id)
    ORDER BY check_id, start_time
) AS f
WHERE i.check_id = f.check_id AND (i.end_time IS NULL OR i.end_time >= f.start_time);

-- name: intervals_yielding
-- What is on record in one of these states within a span that late evidence tells of.
SELECT start_time, end_time, state, reason FROM quivive.state_intervals
WHERE check_id = %(check)s AND state = ANY (%(states)s::smallint[]) AND start_time < %(end)s AND (end_time IS NULL OR end_time > %(start)s)
ORDER BY start_time FOR UPDATE;

-- name: interval_remove
DELETE FROM quivive.state_intervals WHERE check_id = %(check)s AND start_time = %(start)s;

-- name: interval_put
INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason, incident_id)
VALUES (%(check)s, %(start)s, %(end)s, %(state)s, %(reason)s, %(incident)s);

-- name: intervals_insert
INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason, incident_id)
SELECT c.*
FROM unnest(%(check)s::bigint[], %(start)s::timestamptz[], %(end)s::timestamptz[], %(state)s::smallint[],
            %(reason)s::text[], %(incident)s::text[]) AS c (check_id, start_time, end_time, state, reason, incident_id)
WHERE NOT EXISTS (
    SELECT FROM quivive.state_intervals AS i
    WHERE i.check_id = c.check_id AND i.start_time < c.start_time
      AND (i.end_time IS NULL OR i.end_time > c.start_time)
);

-- name: incidents_supersede
-- The core never has two outages of a check; one that it lost sight of must not keep the next from being recorded.
UPDATE quivive.incidents AS i SET resolve_time = greatest(f.confirm_time, i.start_time), close_reason = 'superseded'
FROM unnest(%(check)s::bigint[], %(incident)s::text[], %(confirm)s::timestamptz[]) AS f (check_id, incident_id, confirm_time)
WHERE i.check_id = f.check_id AND i.resolve_time IS NULL AND i.incident_id <> f.incident_id
  AND NOT EXISTS (SELECT FROM quivive.incidents AS k WHERE k.incident_id = f.incident_id);

-- name: incidents_open
INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, cause,
                               responsibility, regions, detail, reason, retroactive, resolve_time, close_reason, simulated)
SELECT f.incident_id, c.check_id, c.site_id, s.customer_id, f.start_time, f.confirm_time, f.cause, f.responsibility,
       string_to_array(f.regions, ','), f.detail, f.reason, f.retroactive, f.resolve_time, f.close_reason,
       EXISTS (SELECT FROM quivive.regions AS g WHERE g.name = ANY (string_to_array(f.regions, ',')) AND g.simulated)
FROM unnest(%(incident)s::text[], %(check)s::bigint[], %(start)s::timestamptz[], %(confirm)s::timestamptz[],
            %(cause)s::smallint[], %(responsibility)s::smallint[], %(regions)s::text[], %(detail)s::text[],
            %(reason)s::text[], %(retroactive)s::boolean[], %(resolve)s::timestamptz[], %(close_reason)s::text[])
     AS f (incident_id, check_id, start_time, confirm_time, cause, responsibility, regions, detail, reason, retroactive,
           resolve_time, close_reason)
JOIN quivive.checks AS c ON c.check_id = f.check_id
JOIN quivive.sites AS s USING (site_id)
-- Evidence that came twice, the second time late, shows an outage that is on record.
WHERE NOT (f.retroactive AND EXISTS (
    SELECT FROM quivive.incidents AS o
    WHERE o.check_id = f.check_id AND o.incident_id <> f.incident_id
      AND o.start_time < f.resolve_time AND coalesce(o.resolve_time, 'infinity') > f.start_time))
ON CONFLICT (incident_id) DO NOTHING;

-- name: incidents_reopen
UPDATE quivive.incidents AS i
SET resolve_time = NULL, close_reason = NULL,
    regions = (SELECT array_agg(DISTINCT u.name ORDER BY u.name)
               FROM unnest(i.regions || string_to_array(f.regions, ',')) AS u (name))
FROM unnest(%(incident)s::text[], %(regions)s::text[]) AS f (incident_id, regions)
WHERE i.incident_id = f.incident_id;

-- name: incidents_move
UPDATE quivive.incidents AS i
SET start_time = f.start_time,
    resolve_time = CASE WHEN i.resolve_time IS NULL THEN NULL ELSE coalesce(f.resolve_time, i.resolve_time) END
FROM unnest(%(incident)s::text[], %(start)s::timestamptz[], %(resolve)s::timestamptz[]) AS f (incident_id, start_time, resolve_time)
WHERE i.incident_id = f.incident_id;

-- name: incidents_resolve
UPDATE quivive.incidents AS i SET resolve_time = f.resolve_time, close_reason = f.reason
FROM unnest(%(incident)s::text[], %(resolve)s::timestamptz[], %(reason)s::text[]) AS f (incident_id, resolve_time, reason)
WHERE i.incident_id = f.incident_id;

-- name: incidents_note
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT f.*
FROM unnest(%(key)s::text[], %(incident)s::text[], %(time)s::timestamptz[], %(kind)s::text[], %(detail)s::text[])
     AS f (event_key, incident_id, time, kind, detail)
WHERE EXISTS (SELECT FROM quivive.incidents AS i WHERE i.incident_id = f.incident_id)
ON CONFLICT (event_key) DO NOTHING;

-- name: suspicions_retract
INSERT INTO quivive.retracted_suspicions (check_id, slot, open_time, retract_time, down_regions, reason)
SELECT f.check_id, f.slot, f.open_time, f.retract_time, string_to_array(f.regions, ','), f.reason
FROM unnest(%(check)s::bigint[], %(slot)s::timestamptz[], %(open)s::timestamptz[], %(retract)s::timestamptz[],
            %(regions)s::text[], %(reason)s::text[]) AS f (check_id, slot, open_time, retract_time, regions, reason)
ON CONFLICT DO NOTHING;

-- name: region_event
-- Each aggregator may refuse the same region: that is news once an hour.
INSERT INTO quivive.region_events (region, time, kind, detail)
SELECT %(region)s, %(time)s, %(kind)s, %(detail)s
WHERE NOT EXISTS (
    SELECT FROM quivive.region_events
    WHERE region = %(region)s AND kind = %(kind)s
      AND (time = %(time)s OR kind = 'refused' AND time > %(time)s::timestamptz - interval '1 hour')
);

-- name: region_blind
UPDATE quivive.regions SET blind_time = %(time)s, blind_reason = %(detail)s
WHERE name = %(region)s AND delete_time IS NULL;

-- name: region_sighted
UPDATE quivive.regions SET blind_time = NULL, blind_reason = NULL WHERE name = %(region)s AND delete_time IS NULL;

-- name: operations_enqueue
INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)
SELECT %(key)s, channel_id, %(kind)s, %(payload)s, %(time)s
FROM quivive.channels
WHERE delete_time IS NULL AND 'operations' = ANY (audience)
ON CONFLICT (event_key, channel_id) DO NOTHING;
