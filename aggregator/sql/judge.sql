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
UPDATE quivive.incidents AS i
SET cause = f.cause, responsibility = f.responsibility, confidence = f.confidence, cause_rule = f.rule,
    cause_reason = f.reason, detail = coalesce(nullif(f.detail, ''), i.detail)
FROM unnest(%(incident)s::text[], %(cause)s::smallint[], %(responsibility)s::smallint[], %(confidence)s::double precision[],
            %(rule)s::text[], %(reason)s::text[], %(detail)s::text[])
     AS f (incident_id, cause, responsibility, confidence, rule, reason, detail)
WHERE i.incident_id = f.incident_id;

-- name: page_correct
UPDATE quivive.outbox AS o
SET payload = o.payload || jsonb_build_object('cause', i.cause, 'responsibility', i.responsibility, 'detail', i.detail,
                                              'confidence', i.confidence)
FROM unnest(%(incidents)s::text[]) AS f (incident_id)
JOIN quivive.incidents AS i USING (incident_id)
WHERE o.incident_id = i.incident_id AND o.is_page
  AND o.sent_time IS NULL AND (o.claim_time IS NULL OR o.claim_time <= now());

-- name: page_correct_plan
UPDATE quivive.pages AS g
SET payload = g.payload || jsonb_build_object('cause', i.cause, 'responsibility', i.responsibility, 'detail', i.detail,
                                              'confidence', i.confidence)
FROM unnest(%(incidents)s::text[]) AS f (incident_id)
JOIN quivive.incidents AS i USING (incident_id)
WHERE g.incident_id = i.incident_id AND g.state = 'waiting';

-- name: group_wait
SET LOCAL lock_timeout = '500ms';

-- name: group_lock
SELECT pg_advisory_xact_lock(7309940471254856);

-- name: group_wait_no_more
SET LOCAL lock_timeout TO DEFAULT;

-- name: groups_open
SELECT group_id, start_time, attributes FROM quivive.incident_groups
WHERE start_time >= %(start)s AND start_time <= %(end)s;

-- name: groups_store
INSERT INTO quivive.incident_groups (group_id, start_time, attributes)
SELECT f.group_id, f.start_time, ARRAY(SELECT jsonb_array_elements_text(f.attributes))
FROM unnest(%(group)s::text[], %(start)s::timestamptz[], %(attributes)s::jsonb[]) AS f (group_id, start_time, attributes)
ON CONFLICT (group_id) DO UPDATE SET attributes = excluded.attributes;

-- name: groups_join
UPDATE quivive.incidents AS i SET group_id = f.group_id
FROM unnest(%(incident)s::text[], %(group)s::text[]) AS f (incident_id, group_id)
WHERE i.incident_id = f.incident_id AND i.group_id IS NULL;

-- name: judge_note
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT f.event_key, f.incident_id, f.time, 'judged', f.detail
FROM unnest(%(key)s::text[], %(incident)s::text[], %(time)s::timestamptz[], %(detail)s::text[])
     AS f (event_key, incident_id, time, detail)
ON CONFLICT (event_key) DO NOTHING;

-- name: decisions_store
INSERT INTO quivive.decisions (check_id, time, kind, effect_time, state, incident_id, reason, quorum, votes)
SELECT * FROM unnest(%(check)s::bigint[], %(time)s::timestamptz[], %(kind)s::text[], %(effect)s::timestamptz[],
                     %(state)s::smallint[], %(incident)s::text[], %(reason)s::text[], %(quorum)s::smallint[],
                     %(votes)s::jsonb[])
ON CONFLICT DO NOTHING;
