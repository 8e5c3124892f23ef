-- name: latencies
SELECT c.site_id, c.name AS check_name, g.name AS region, r.units
FROM quivive.check_states AS c
JOIN quivive.sites AS s USING (site_id)
CROSS JOIN LATERAL (
    SELECT region, dns + connect + tls + first_byte + transfer AS units FROM quivive.results
    WHERE check_id = c.check_id AND outcome = 1
      AND slot > now() - greatest(interval '5 minutes', 3 * c.interval_us * interval '1 microsecond')
    ORDER BY slot DESC LIMIT 1
) AS r
JOIN quivive.regions AS g ON g.region_id = r.region
WHERE NOT c.paused AND c.type <> 'heartbeat' AND (%(owner)s::text IS NULL OR s.customer_id = %(owner)s)
ORDER BY c.site_id, c.name

-- name: certificates
SELECT DISTINCT ON (c.site_id, c.name, t.host)
       c.site_id, c.name AS check_name, t.host, extract(epoch FROM t.not_after)::double precision AS expiry
FROM quivive.certificates AS t
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.sites AS s USING (site_id)
WHERE c.delete_time IS NULL AND t.not_after IS NOT NULL AND (%(owner)s::text IS NULL OR s.customer_id = %(owner)s)
ORDER BY c.site_id, c.name, t.host, t.last_time DESC
