-- name: one
SELECT token_id, hash, role, customer_id, person, title, create_time, expire_time, last_use_time, revoke_time
FROM quivive.tokens WHERE token_id = %(token)s

-- name: used
UPDATE quivive.tokens SET last_use_time = now()
WHERE token_id = %(token)s AND (last_use_time IS NULL OR last_use_time < now() - interval '50 s')

-- name: page
SELECT token_id, hash, role, customer_id, person, title, create_time, expire_time, last_use_time, revoke_time
FROM quivive.tokens
WHERE token_id > %(after)s
  AND (%(ended)s OR (revoke_time IS NULL AND (expire_time IS NULL OR expire_time > now())))
ORDER BY token_id LIMIT %(limit)s

-- name: create
INSERT INTO quivive.tokens (token_id, hash, role, customer_id, person, title, expire_time)
VALUES (%(token)s, %(hash)s, %(role)s, %(customer)s, %(person)s, %(title)s, %(expire)s)

-- name: customer_live
SELECT 1 AS known FROM quivive.customers WHERE customer_id = %(customer)s AND delete_time IS NULL

-- name: revoke
UPDATE quivive.tokens SET revoke_time = coalesce(revoke_time, now()) WHERE token_id = %(token)s

-- name: record
INSERT INTO quivive.audit_entries (person, token_id, method, resource, request, peer)
VALUES (%(person)s, %(token)s, %(method)s, %(resource)s, %(request)s, %(peer)s)

-- name: entries
SELECT entry_id, time, person, token_id, method, resource, request, peer
FROM quivive.audit_entries
WHERE (%(before)s::bigint IS NULL OR entry_id < %(before)s)
  AND (%(resource)s::text IS NULL OR resource = %(resource)s)
  AND (%(person)s::text IS NULL OR person = %(person)s)
  AND (%(start)s::timestamptz IS NULL OR time >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR time < %(end)s)
ORDER BY entry_id DESC LIMIT %(limit)s

-- name: prune
DELETE FROM quivive.audit_entries WHERE time < now() - interval '730 days'
