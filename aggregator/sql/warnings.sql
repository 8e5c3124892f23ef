-- Early warnings: what holds now, and the digest that tells of it.

-- name: alone
SELECT pg_try_advisory_xact_lock(7309940471254901);

-- name: once_a_day
-- One row when nobody has done it yet.
INSERT INTO quivive.daily (job, day) VALUES (%(job)s, %(day)s)
ON CONFLICT (job) DO UPDATE SET day = excluded.day WHERE daily.day < excluded.day
RETURNING job;

-- name: certificates
-- The newest of each check and name, with the issuer of the one before.
SELECT DISTINCT ON (t.check_id, t.host) c.site_id, c.check_id, t.host, t.fingerprint, t.issuer, t.not_after, t.first_time,
       (SELECT b.issuer FROM quivive.certificates AS b
        WHERE b.check_id = t.check_id AND b.host = t.host AND b.first_time < t.first_time
        ORDER BY b.first_time DESC LIMIT 1)
FROM quivive.certificates AS t
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.sites AS s USING (site_id)
WHERE c.delete_time IS NULL AND NOT c.paused AND NOT s.paused AND t.last_time > %(now)s::timestamptz - interval '2 days'
ORDER BY t.check_id, t.host, t.first_time DESC, t.fingerprint;

-- name: domains
SELECT domain, expire_time, registrar FROM quivive.domains WHERE expire_time IS NOT NULL;

-- name: hosts
SELECT DISTINCT split_part(split_part(regexp_replace(s.url, '^[a-z]+://', ''), '/', 1), ':', 1)
FROM quivive.sites AS s WHERE s.delete_time IS NULL AND NOT s.paused;

-- name: domains_fresh
SELECT domain FROM quivive.domains WHERE check_time > %(now)s::timestamptz - interval '1 day';

-- name: domain_store
INSERT INTO quivive.domains (domain, check_time, expire_time, registrar, error)
VALUES (%(domain)s, %(now)s, %(expire)s, %(registrar)s, %(error)s)
ON CONFLICT (domain) DO UPDATE SET
    check_time = excluded.check_time, error = excluded.error,
    expire_time = coalesce(excluded.expire_time, domains.expire_time),
    registrar = coalesce(nullif(excluded.registrar, ''), domains.registrar);

-- name: slower
-- The last day's 90th percentile against the four weeks before it.
SELECT c.site_id, c.check_id, c.name, n.p90, u.p90
FROM quivive.checks AS c
JOIN quivive.sites AS s USING (site_id)
CROSS JOIN LATERAL (
    SELECT sum(l.up) AS up, quivive.latency_percentile(quivive.latency_merge(l.total), 0.9) AS p90
    FROM quivive.latency_hourly AS l
    WHERE l.check_id = c.check_id AND l.bucket >= %(now)s::timestamptz - interval '1 day'
) AS n
CROSS JOIN LATERAL (
    SELECT sum(l.up) AS up, quivive.latency_percentile(quivive.latency_merge(l.total), 0.9) AS p90
    FROM quivive.latency_hourly AS l
    WHERE l.check_id = c.check_id AND l.bucket >= %(now)s::timestamptz - interval '29 days'
      AND l.bucket < %(now)s::timestamptz - interval '1 day'
) AS u
WHERE c.delete_time IS NULL AND NOT c.paused AND NOT s.paused AND n.up >= 20 AND u.up >= 200
  AND n.p90 > 1.5 * u.p90 AND n.p90 > u.p90 + 200;

-- name: burning
-- Down time over the error budget's, of critical checks whose plan promises something.
SELECT c.site_id, c.check_id, p.objective, w.span, sum(w.down) / nullif(sum(w.known), 0) / (1 - p.objective)
FROM quivive.checks AS c
JOIN quivive.sites AS s USING (site_id)
JOIN quivive.customers AS k USING (customer_id)
JOIN quivive.current_plans AS p USING (plan_id)
CROSS JOIN LATERAL (
    SELECT v.span,
           CASE WHEN i.state = 3 THEN part.seconds ELSE 0 END AS down,
           CASE WHEN i.state IN (1, 2, 3) THEN part.seconds ELSE 0 END AS known
    FROM unnest(ARRAY['5 minutes', '30 minutes', '1 hour', '6 hours']::interval[]) AS v (span)
    JOIN quivive.state_intervals AS i
      ON i.check_id = c.check_id AND (i.end_time IS NULL OR i.end_time > %(now)s::timestamptz - v.span) AND i.start_time < %(now)s
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM least(coalesce(i.end_time, 'infinity'), %(now)s::timestamptz)
                                  - greatest(i.start_time, %(now)s::timestamptz - v.span)) AS seconds
    ) AS part
) AS w
WHERE c.critical AND c.delete_time IS NULL AND NOT c.paused AND NOT s.paused AND p.objective < 1
  AND EXISTS (SELECT FROM quivive.incidents AS d
              WHERE d.check_id = c.check_id AND (d.resolve_time IS NULL OR d.resolve_time > %(now)s::timestamptz - interval '6 hours'))
GROUP BY c.site_id, c.check_id, p.objective, w.span;

-- name: blocked
-- Hours in which attempts were neither good nor bad lead to the few checks whose results are looked at.
SELECT DISTINCT c.site_id, c.check_id, c.name, g.name
FROM (SELECT DISTINCT check_id FROM quivive.latency_hourly
      WHERE bucket >= %(now)s::timestamptz - interval '3 hours' AND results > up + down) AS h
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.results AS r ON r.check_id = c.check_id AND r.slot > %(now)s::timestamptz - interval '2 hours' AND r.outcome = 3
JOIN quivive.regions AS g ON g.region_id = r.region
WHERE c.delete_time IS NULL AND NOT c.paused;

-- name: drifted
SELECT DISTINCT ON (event_key) event_key, payload FROM quivive.outbox
WHERE kind = 'content.drifted' AND create_time > %(now)s::timestamptz - interval '1 day';

-- name: blind
SELECT name, blind_time, coalesce(blind_reason, '') FROM quivive.regions WHERE delete_time IS NULL AND blind_time IS NOT NULL;

-- name: unknown
-- Data is incomplete: too few regions have seen it for long.
SELECT c.site_id, c.check_id, c.name, i.start_time
FROM quivive.checks AS c
JOIN quivive.sites AS s USING (site_id)
JOIN quivive.state_intervals AS i ON i.check_id = c.check_id AND i.end_time IS NULL AND i.state = 4
WHERE c.critical AND c.delete_time IS NULL AND NOT c.paused AND NOT s.paused
  AND greatest(i.start_time, c.create_time) < %(now)s::timestamptz - interval '30 minutes';

-- name: raise
-- One that ended and holds again is news again.
INSERT INTO quivive.warnings AS w (warning_key, kind, site_id, title, detail, raise_time)
VALUES (%(key)s, %(kind)s, %(site)s, %(title)s, %(detail)s, %(now)s)
ON CONFLICT (warning_key) DO UPDATE SET
    detail = excluded.detail, end_time = NULL,
    raise_time = CASE WHEN w.end_time IS NULL THEN w.raise_time ELSE excluded.raise_time END,
    digest_time = CASE WHEN w.end_time IS NULL THEN w.digest_time END;

-- name: end
UPDATE quivive.warnings SET end_time = %(now)s WHERE end_time IS NULL AND warning_key <> ALL (%(keys)s::text[]);

-- name: untold
UPDATE quivive.warnings SET digest_time = %(now)s
WHERE digest_time IS NULL AND (end_time IS NULL OR end_time > raise_time + interval '10 minutes')
RETURNING kind, title, detail;

-- name: forget
DELETE FROM quivive.warnings WHERE end_time < %(now)s::timestamptz - interval '90 days';

-- name: forget_domains
DELETE FROM quivive.domains WHERE check_time < %(now)s::timestamptz - interval '30 days';

-- name: forget_escalations
-- What an erasure has left over.
DELETE FROM quivive.escalations AS e
WHERE e.start_time < %(now)s::timestamptz - interval '1 day'
  AND NOT EXISTS (SELECT FROM quivive.pages AS g WHERE g.escalation_id = e.escalation_id);

-- name: digest_enqueue
INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)
SELECT %(key)s, channel_id, 'digest', %(payload)s, %(now)s
FROM quivive.channels
WHERE delete_time IS NULL AND audience && '{operations,digest}'
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: drill_enqueue
-- Not of what has only just been declared: whoever declares a channel tests it.
INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)
SELECT 'drill/' || %(day)s::text, channel_id, 'drill',
       jsonb_build_object('channel', channel_id, 'time', %(now)s::timestamptz, 'quiet', true), %(now)s
FROM quivive.channels
WHERE delete_time IS NULL AND NOT internal AND create_time < %(now)s::timestamptz - interval '1 hour'
ON CONFLICT (event_key, channel_id) DO NOTHING;

-- name: drills_failed
-- Given up, or still without success long after; each is told once, on every other channel of operations, else on any other.
SELECT o.event_key, o.channel_id, coalesce(o.last_error, o.cancel_reason, 'nobody has sent it')
FROM quivive.outbox AS o
WHERE o.kind = 'drill' AND o.payload ->> 'quiet' = 'true' AND o.sent_time IS NULL
  AND o.create_time > %(now)s::timestamptz - interval '1 day'
  AND (o.cancel_reason IS NOT NULL OR o.attempts > 0 AND o.create_time < %(now)s::timestamptz - interval '10 minutes')
  AND NOT EXISTS (SELECT FROM quivive.outbox AS t WHERE t.event_key = 'channel.broken/' || o.event_key || '/' || o.channel_id);

-- name: broken_enqueue
INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)
SELECT %(key)s, c.channel_id, 'channel.broken', %(payload)s, %(now)s
FROM quivive.channels AS c
WHERE c.delete_time IS NULL AND NOT c.internal AND c.channel_id <> %(channel)s
  AND ('operations' = ANY (c.audience) OR NOT EXISTS (
      SELECT FROM quivive.channels AS o
      WHERE o.delete_time IS NULL AND NOT o.internal AND o.channel_id <> %(channel)s AND 'operations' = ANY (o.audience)))
ON CONFLICT (event_key, channel_id) DO NOTHING;
