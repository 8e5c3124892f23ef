-- name: paged
-- Incidents of critical checks that were paged in the window, with what the plan's version at the page promised.
SELECT i.incident_id, i.site_id, i.page_time, i.acknowledge_time, i.resolve_time, k.timezone, k.holidays,
       p.response_target_us, CASE p.response_hours WHEN 'business' THEN p.business_hours END AS business_hours
FROM quivive.incidents AS i
JOIN quivive.checks AS c USING (check_id)
JOIN quivive.sites AS s ON s.site_id = i.site_id
JOIN quivive.customers AS k ON k.customer_id = s.customer_id
CROSS JOIN LATERAL (
    SELECT response_target_us, response_hours, business_hours FROM quivive.plans
    WHERE plan_id = k.plan_id
    ORDER BY create_time <= i.page_time DESC, CASE WHEN create_time <= i.page_time THEN -version ELSE version END
    LIMIT 1
) AS p
WHERE c.critical AND NOT i.retroactive AND i.page_time >= %(start)s AND i.page_time < %(end)s
  AND (s.site_id = %(site)s OR s.customer_id = %(customer)s)
  AND (s.delete_time IS NULL OR s.delete_time > %(start)s OR s.site_id = %(site)s)
ORDER BY i.page_time, i.incident_id
LIMIT 10000
