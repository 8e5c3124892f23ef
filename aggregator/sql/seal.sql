-- The evidence log, as the sealer writes it.

-- name: lock
-- Held until the transaction ends: one of us seals at a time, and none that died.
SELECT pg_try_advisory_xact_lock(7309940471254870);

-- name: unsealed_take
DELETE FROM quivive.unsealed
WHERE unsealed_id IN (SELECT unsealed_id FROM quivive.unsealed ORDER BY unsealed_id LIMIT %(most)s)
RETURNING unsealed_id, check_id, start_time, event_key, chain_id, erasure;

-- name: intervals
-- What has become of intervals that were closed; end_time is null where there is none that begins there, or it is open.
SELECT k.check_id, k.start_time, s.customer_id, s.site_id, c.name, c.critical, i.end_time, i.state, i.reason, i.incident_id
FROM unnest(%(checks)s::bigint[], %(starts)s::timestamptz[]) AS k (check_id, start_time)
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.sites AS s USING (site_id)
LEFT JOIN quivive.state_intervals AS i
    ON i.check_id = k.check_id AND i.start_time = k.start_time AND i.end_time IS NOT NULL;

-- name: events
SELECT e.event_key, i.customer_id, e.time, e.kind, e.detail, i.incident_id, i.site_id, c.name, i.start_time, i.confirm_time,
       i.page_time, i.acknowledge_time, i.resolve_time, i.cause, i.responsibility, i.regions, i.detail, i.retroactive,
       i.simulated, k.author, k.reason, k.counted, k.responsibility
FROM quivive.incident_events AS e
JOIN quivive.incidents AS i USING (incident_id)
JOIN quivive.checks AS c USING (check_id)
LEFT JOIN quivive.corrections AS k ON e.event_key = 'incident.corrected/' || e.incident_id || '/' || k.correction_id
    AND k.incident_id = e.incident_id
WHERE e.event_key = ANY (%(keys)s::text[]);

-- name: chains_make
INSERT INTO quivive.chains (chain_id, customer_id)
SELECT gen_random_uuid(), customer_id FROM quivive.customers WHERE customer_id = ANY (%(customers)s::text[])
ON CONFLICT (customer_id) DO NOTHING;

-- name: heads
SELECT c.chain_id, c.customer_id, h.sequence, h.hash
FROM quivive.chains AS c
LEFT JOIN LATERAL (
    SELECT sequence, hash FROM quivive.sealed_entries WHERE chain_id = c.chain_id ORDER BY sequence DESC LIMIT 1
) AS h ON true
WHERE c.customer_id = ANY (%(customers)s::text[]) OR c.chain_id = ANY (%(chains)s::uuid[]);

-- name: newest
-- The last word that each chain has on each subject.
SELECT k.chain_id, k.subject, e.content
FROM unnest(%(chains)s::uuid[], %(subjects)s::text[]) AS k (chain_id, subject)
CROSS JOIN LATERAL (
    SELECT content FROM quivive.sealed_entries
    WHERE chain_id = k.chain_id AND subject = k.subject ORDER BY sequence DESC LIMIT 1
) AS e;

-- name: append
INSERT INTO quivive.sealed_entries (chain_id, sequence, seal_time, subject, salt, content, content_hash, hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s);
