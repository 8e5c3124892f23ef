-- What pages were seen to be like, and what is known of them.

-- name: sighting_store
INSERT INTO quivive.page_sightings (check_id, revision, region, slot, features)
SELECT check_id, %s, %s, %s, %s FROM quivive.checks WHERE check_id = %s
ON CONFLICT DO NOTHING;

-- name: alone
-- False while another aggregator learns.
SELECT pg_try_advisory_xact_lock(7309940471254857);

-- name: sighted
-- Per check what is new under its current revision, in the order it was seen.
SELECT c.check_id, c.revision, c.name, c.site_id, s.customer_id, k.title, r.spec, b.baseline,
       array_agg(p.region ORDER BY p.slot), array_agg(p.slot ORDER BY p.slot), array_agg(p.features ORDER BY p.slot)
FROM quivive.page_sightings AS p
JOIN quivive.checks AS c ON c.check_id = p.check_id AND c.revision = p.revision AND c.delete_time IS NULL
JOIN quivive.check_revisions AS r ON r.check_id = c.check_id AND r.revision = c.revision
JOIN quivive.sites AS s USING (site_id)
JOIN quivive.customers AS k USING (customer_id)
LEFT JOIN quivive.page_baselines AS b ON b.check_id = c.check_id AND b.revision = c.revision
WHERE NOT p.learned
GROUP BY c.check_id, c.revision, c.name, c.site_id, s.customer_id, k.title, r.spec, b.baseline
LIMIT 1000;

-- name: learned
UPDATE quivive.page_sightings SET learned = true WHERE check_id = %(check)s AND slot = ANY (%(slots)s) AND NOT learned;

-- name: baseline_store
INSERT INTO quivive.page_baselines (check_id, revision, baseline, spec_part, learn_time)
VALUES (%(check)s, %(revision)s, %(baseline)s, %(part)s, now())
ON CONFLICT (check_id, revision) DO UPDATE SET
    baseline = excluded.baseline, spec_part = excluded.spec_part, learn_time = excluded.learn_time;

-- name: revised
-- Checks that are watched under a new revision, with what was known under the last one before.
SELECT DISTINCT ON (c.check_id) c.check_id, c.revision, r.spec, o.spec, b.baseline, b.spec_part
FROM quivive.page_baselines AS b
JOIN quivive.checks AS c ON c.check_id = b.check_id AND b.revision < c.revision AND c.delete_time IS NULL
JOIN quivive.check_revisions AS r ON r.check_id = c.check_id AND r.revision = c.revision
JOIN quivive.check_revisions AS o ON o.check_id = b.check_id AND o.revision = b.revision
WHERE NOT EXISTS (SELECT FROM quivive.page_baselines AS n WHERE n.check_id = c.check_id AND n.revision = c.revision)
ORDER BY c.check_id, b.revision DESC;

-- name: forget_earlier
DELETE FROM quivive.page_baselines WHERE check_id = %(check)s AND revision < %(revision)s;

-- name: prune
DELETE FROM quivive.page_sightings WHERE slot < now() - interval '7 days';
