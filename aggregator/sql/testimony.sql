-- name: testimony
SELECT i.incident_id,
       (SELECT d.votes FROM quivive.decisions AS d
        WHERE d.incident_id = i.incident_id
        ORDER BY d.kind = 'incident.resolved', d.time DESC LIMIT 1),
       (SELECT jsonb_agg(jsonb_build_object(
                   'region', w.region, 'time', w.end_time, 'cause', w.cause,
                   'http_status', w.http_status, 'detail', left(w.content ->> 'detail', 300)) ORDER BY w.end_time)
        FROM (SELECT * FROM (SELECT DISTINCT ON (e.region) e.* FROM quivive.incident_evidence AS e
                             WHERE e.incident_id = i.incident_id ORDER BY e.region, e.end_time DESC) AS newest
              ORDER BY end_time LIMIT %(most)s) AS w)
FROM quivive.incidents AS i
WHERE i.incident_id = ANY (%(incidents)s::text[]);
