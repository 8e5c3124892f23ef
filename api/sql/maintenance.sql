-- name: page
SELECT m.maintenance_id, m.site_id, c.timezone, m.cron, m.start_time, m.ical, m.duration_us, m.create_time
FROM quivive.maintenance AS m
JOIN quivive.sites AS s USING (site_id)
JOIN quivive.customers AS c USING (customer_id)
WHERE m.delete_time IS NULL AND s.delete_time IS NULL
  AND (%(site)s::text IS NULL OR m.site_id = %(site)s)
  AND (%(customer)s::text IS NULL OR s.customer_id = %(customer)s)
  AND (%(owner)s::text IS NULL OR s.customer_id = %(owner)s)
  AND (%(number)s::bigint IS NULL OR m.maintenance_id = %(number)s)
  AND (m.site_id, m.maintenance_id) > (%(after_site)s::text, %(after_number)s::bigint)
ORDER BY m.site_id, m.maintenance_id
LIMIT %(limit)s

-- name: silences
SELECT silence_id, site_ids, customer_ids, start_time, end_time, reason, author, create_time, delete_time
FROM quivive.silences
WHERE (%(silence)s::text IS NULL OR silence_id = %(silence)s)
  AND (%(site)s::text IS NULL OR %(site)s = ANY (site_ids))
  AND (%(customer)s::text IS NULL OR %(customer)s = ANY (customer_ids))
  AND (NOT %(everything)s OR (site_ids = '{}' AND customer_ids = '{}'))
  AND (NOT %(active_only)s OR (delete_time IS NULL AND start_time <= now() AND end_time > now()))
  AND (%(before_time)s::timestamptz IS NULL OR create_time < %(before_time)s
       OR (create_time = %(before_time)s AND silence_id > %(after_id)s))
ORDER BY create_time DESC, silence_id
LIMIT %(limit)s

-- name: silence
INSERT INTO quivive.silences (silence_id, site_ids, customer_ids, start_time, end_time, reason, author)
VALUES (%(id)s, %(sites)s, %(customers)s, %(start)s, %(end)s, %(reason)s, %(author)s)

-- name: unsilence
UPDATE quivive.silences SET delete_time = coalesce(delete_time, now()) WHERE silence_id = %(id)s
