-- Causes, evidence and groups of incidents, and the record of decisions.

-- name: judged_anew
-- Open incidents that nobody has been told of, of checks that have just failed again.
SELECT incident_id FROM quivive.incidents
WHERE check_id = ANY (%(checks)s::bigint[]) AND resolve_time IS NULL AND page_time IS NULL
  AND confirm_time > %(since)s;

-- name: evidence_join
-- Failing attempts of an outage end within it; a confirmation's slot may lie a little before its start.
INSERT INTO quivive.incident_evidence (incident_id, slot, region, attempt, end_time, cause, http_status,
                                       dns, connect, tls, first_byte, transfer, content)
SELECT i.incident_id, f.*
FROM quivive.incidents AS i
CROSS JOIN LATERAL (
    SELECT r.slot, g.name, r.attempt, r.end_time, r.cause, r.http_status,
           r.dns, r.connect, r.tls, r.first_byte, r.transfer, coalesce(e.content, '{}')
    FROM quivive.results AS r
    JOIN quivive.regions AS g ON g.region_id = r.region
    LEFT JOIN quivive.evidence AS e USING (check_id, slot, region, attempt)
    WHERE r.check_id = i.check_id AND r.outcome = 2
      AND r.slot >= i.start_time - interval '10 minutes'
      AND r.slot < coalesce(i.resolve_time, 'infinity')
      AND r.end_time > i.start_time
    ORDER BY r.end_time, g.name, r.attempt
    LIMIT %(most)s
) AS f
WHERE i.incident_id = ANY (%(incidents)s::text[])
ON CONFLICT DO NOTHING;

-- name: witnesses
SELECT e.incident_id, e.region, e.slot, e.attempt, e.end_time, e.cause, e.http_status, e.content
FROM quivive.incident_evidence AS e
WHERE e.incident_id = ANY (%(incidents)s::text[])
ORDER BY e.incident_id, e.end_time, e.region, e.attempt;

-- name: incidents_to_judge
SELECT i.incident_id, i.cause, i.responsibility, i.confidence, i.cause_rule, i.confirm_time, i.retroactive,
       cardinality(r.regions), r.target
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.check_revisions AS r USING (check_id, revision)
WHERE i.incident_id = ANY (%(incidents)s::text[]) AND i.page_time IS NULL;

-- name: judge
UPDATE quivive.incidents
SET cause = %(cause)s, responsibility = %(responsibility)s, confidence = %(confidence)s, cause_rule = %(rule)s,
    cause_reason = %(reason)s, detail = coalesce(nullif(%(detail)s, ''), detail)
WHERE incident_id = %(incident)s;

-- name: page_correct
UPDATE quivive.outbox AS o
SET payload = o.payload || jsonb_build_object('cause', i.cause, 'responsibility', i.responsibility, 'detail', i.detail,
                                              'confidence', i.confidence)
FROM quivive.incidents AS i
WHERE i.incident_id = ANY (%(incidents)s::text[]) AND o.incident_id = i.incident_id AND o.kind = 'incident.confirmed'
  AND o.sent_time IS NULL AND (o.claim_time IS NULL OR o.claim_time <= now());

-- name: group_wait
SET LOCAL lock_timeout = '500ms';

-- name: group_lock
SELECT pg_advisory_xact_lock(7309940471254856);

-- name: group_wait_no_more
SET LOCAL lock_timeout TO DEFAULT;

-- name: groups_open
SELECT group_id, start_time, attributes FROM quivive.incident_groups
WHERE start_time >= %(start)s AND start_time <= %(end)s;

-- name: group_store
INSERT INTO quivive.incident_groups (group_id, start_time, attributes)
VALUES (%(group)s, %(start)s, %(attributes)s)
ON CONFLICT (group_id) DO UPDATE SET attributes = excluded.attributes;

-- name: group_join
UPDATE quivive.incidents SET group_id = %(group)s WHERE incident_id = %(incident)s AND group_id IS NULL;

-- name: incident_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
VALUES (%(key)s, %(incident)s, %(time)s, %(kind)s, %(detail)s)
ON CONFLICT (event_key) DO NOTHING;

-- name: decisions_store
INSERT INTO quivive.decisions (check_id, time, kind, effect_time, state, incident_id, reason, quorum, votes)
SELECT * FROM unnest(%(check)s::bigint[], %(time)s::timestamptz[], %(kind)s::text[], %(effect)s::timestamptz[],
                     %(state)s::smallint[], %(incident)s::text[], %(reason)s::text[], %(quorum)s::smallint[],
                     %(votes)s::jsonb[])
ON CONFLICT DO NOTHING;
