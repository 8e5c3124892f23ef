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

-- name: incident_supersede
-- The core never has two outages of a check; one that it lost sight of must not keep the next from being recorded.
UPDATE quivive.incidents SET resolve_time = greatest(%(confirm)s, start_time), close_reason = 'superseded'
WHERE check_id = %(check)s AND resolve_time IS NULL AND incident_id <> %(incident)s
  AND NOT EXISTS (SELECT FROM quivive.incidents WHERE incident_id = %(incident)s);

-- name: incident_open
-- The detail is the newest line of evidence that a confirming region has for this cause, else for any.
INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, cause,
                               responsibility, regions, detail, reason, retroactive, resolve_time, close_reason, simulated)
SELECT %(incident)s, c.check_id, c.site_id, s.customer_id, %(start)s, %(confirm)s, %(cause)s, %(responsibility)s,
       %(regions)s::text[],
       coalesce((
           SELECT e.content ->> 'detail'
           FROM quivive.evidence AS e
           JOIN quivive.regions AS g ON g.region_id = e.region AND g.name = ANY (%(regions)s::text[])
           LEFT JOIN quivive.results AS r USING (check_id, slot, region, attempt)
           WHERE e.check_id = c.check_id AND e.slot >= %(start)s AND e.content ? 'detail'
           ORDER BY (r.cause = %(cause)s) DESC NULLS LAST, e.slot DESC, e.attempt DESC
           LIMIT 1
       ), %(phrase)s),
       %(reason)s, %(retroactive)s, %(resolve)s::timestamptz, %(close_reason)s,
       EXISTS (SELECT FROM quivive.regions AS g WHERE g.name = ANY (%(regions)s::text[]) AND g.simulated)
FROM quivive.checks AS c
JOIN quivive.sites AS s USING (site_id)
WHERE c.check_id = %(check)s
  -- Evidence that came twice, the second time late, shows an outage that is on record.
  AND NOT (%(retroactive)s AND EXISTS (
      SELECT FROM quivive.incidents AS o
      WHERE o.check_id = c.check_id AND o.incident_id <> %(incident)s
        AND o.start_time < %(resolve)s::timestamptz AND coalesce(o.resolve_time, 'infinity') > %(start)s::timestamptz))
ON CONFLICT (incident_id) DO NOTHING;

-- name: incident_reopen
UPDATE quivive.incidents
SET resolve_time = NULL, close_reason = NULL,
    regions = (SELECT array_agg(DISTINCT name ORDER BY name) FROM unnest(regions || %(regions)s::text[]) AS u (name))
WHERE incident_id = %(incident)s;

-- name: incident_move
UPDATE quivive.incidents
SET start_time = %(start)s,
    resolve_time = CASE WHEN resolve_time IS NULL THEN NULL ELSE coalesce(%(resolve)s::timestamptz, resolve_time) END
WHERE incident_id = %(incident)s;

-- name: incident_resolve
UPDATE quivive.incidents SET resolve_time = %(resolve)s, close_reason = %(reason)s WHERE incident_id = %(incident)s;

-- name: incident_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT %(key)s, incident_id, %(time)s, %(kind)s, %(detail)s FROM quivive.incidents WHERE incident_id = %(incident)s
ON CONFLICT (event_key) DO NOTHING;

-- name: suspicion_retract
INSERT INTO quivive.retracted_suspicions (check_id, slot, open_time, retract_time, down_regions, reason)
VALUES (%(check)s, %(slot)s, %(open)s, %(retract)s, %(regions)s::text[], %(reason)s)
ON CONFLICT DO NOTHING;

-- name: page_terms
-- What decides when a page is due. One row per maintenance rule, one with nulls where there is none.
SELECT i.incident_id, p.page_after_us, k.timezone, m.cron, m.start_time, m.ical, m.duration_us
FROM quivive.incidents AS i
JOIN quivive.checks AS c ON c.check_id = i.check_id AND c.critical
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
JOIN quivive.current_plans AS p ON p.plan_id = k.plan_id
LEFT JOIN quivive.maintenance AS m ON m.site_id = i.site_id AND m.delete_time IS NULL
WHERE i.incident_id = ANY (%(incidents)s::text[]) AND i.resolve_time IS NULL AND NOT i.retroactive;

-- name: page_enqueue
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time)
SELECT 'incident.confirmed/' || i.incident_id, ch.channel_id, 'incident.confirmed', i.incident_id,
       jsonb_build_object(
           'incident', i.incident_id, 'site', i.site_id, 'check', c.name, 'url', r.target,
           'customer', k.customer_id, 'customer_title', k.title, 'timezone', k.timezone,
           'cause', i.cause, 'responsibility', i.responsibility, 'detail', i.detail, 'regions', i.regions,
           'simulated', i.simulated, 'start_time', i.start_time, 'confirm_time', i.confirm_time),
       %(due)s
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.check_revisions AS r USING (check_id, revision)
JOIN quivive.customers AS k ON k.customer_id = i.customer_id
JOIN quivive.current_plans AS p ON p.plan_id = k.plan_id
JOIN quivive.channels AS ch ON ch.delete_time IS NULL AND 'incidents' = ANY (ch.audience) AND ch.type = ANY (p.channels)
WHERE i.incident_id = %(incident)s
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: page_cancel
-- Rows that a sender holds, or held when it died, may have gone out: they stay.
UPDATE quivive.outbox SET cancel_reason = 'resolved before it was due'
WHERE incident_id = %(incident)s AND kind = 'incident.confirmed'
  AND sent_time IS NULL AND cancel_reason IS NULL AND claim_time IS NULL;

-- name: page_rearm
-- It failed again before anybody was told: the page that was called off is due after all.
UPDATE quivive.outbox AS o
SET cancel_reason = NULL, due_time = %(due)s
WHERE o.incident_id = %(incident)s AND o.kind = 'incident.confirmed' AND o.cancel_reason = 'resolved before it was due';

-- name: resolution_cancel
UPDATE quivive.outbox SET cancel_reason = 'failed again before it was sent'
WHERE incident_id = %(incident)s AND kind = 'incident.resolved'
  AND sent_time IS NULL AND cancel_reason IS NULL AND claim_time IS NULL;

-- name: resolution_enqueue
-- Whoever was told of the outage, or is being told, hears of its end.
INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time)
SELECT %(key)s, o.channel_id, 'incident.resolved', o.incident_id,
       o.payload || jsonb_build_object('start_time', i.start_time, 'resolve_time', i.resolve_time,
                                       'close_reason', i.close_reason),
       now()
FROM quivive.outbox AS o
JOIN quivive.incidents AS i USING (incident_id)
WHERE o.incident_id = %(incident)s AND o.kind = 'incident.confirmed' AND o.cancel_reason IS NULL
ON CONFLICT (event_key, channel_id) DO NOTHING;

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
