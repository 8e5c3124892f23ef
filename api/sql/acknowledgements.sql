-- name: acknowledge
-- Compare-and-set, with its event.
WITH answered AS (
    UPDATE quivive.incidents SET acknowledge_time = now(), acknowledge_person = %(person)s
    WHERE incident_id = %(incident)s AND acknowledge_time IS NULL AND resolve_time IS NULL
    RETURNING incident_id, acknowledge_time
)
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT 'incident.acknowledged/' || incident_id, incident_id, acknowledge_time, 'acknowledged', %(person)s || ', ' || %(via)s::text
FROM answered
ON CONFLICT (event_key) DO NOTHING

-- name: comment
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
VALUES ('incident.commented/' || %(incident)s || '/' || %(key)s, %(incident)s, now(), %(kind)s, %(detail)s)
ON CONFLICT (event_key) DO NOTHING
