-- name: page
SELECT r.check_id, c.site_id, c.name AS check_name, g.name AS region, r.slot, r.attempt, r.end_time, r.outcome, r.cause, r.http_status,
       r.dns, r.connect, r.tls, r.first_byte, r.transfer, r.revision,
       e.content ->> 'detail' AS detail, e.content ->> 'address' AS address
FROM quivive.results AS r
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.regions AS g ON g.region_id = r.region
LEFT JOIN quivive.evidence AS e USING (check_id, slot, region, attempt)
WHERE r.check_id = ANY (%(checks)s) AND r.slot >= %(start)s AND r.slot < %(end)s
  AND (%(region)s::text IS NULL OR g.name = %(region)s)
  AND (NOT %(failing_only)s OR r.outcome <> 1)
  AND (%(after_slot)s::timestamptz IS NULL OR r.slot < %(after_slot)s
       OR (r.slot = %(after_slot)s
           AND (r.check_id, g.name, r.attempt::integer) > (%(after_check)s::bigint, %(after_region)s::text, %(after_attempt)s::integer)))
ORDER BY r.slot DESC, r.check_id, g.name, r.attempt
LIMIT %(limit)s

-- name: checks
SELECT c.check_id, c.site_id, c.name
FROM quivive.checks AS c
JOIN quivive.sites AS s USING (site_id)
WHERE c.delete_time IS NULL AND s.delete_time IS NULL
  AND (%(site)s::text IS NULL OR c.site_id = %(site)s)
  AND (%(check)s::text IS NULL OR c.name = %(check)s)
  AND (%(customer)s::text IS NULL OR s.customer_id = %(customer)s)
  AND (%(owner)s::text IS NULL OR s.customer_id = %(owner)s)
ORDER BY c.check_id
