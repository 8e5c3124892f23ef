-- name: page
SELECT e.chain_id, e.sequence, e.seal_time, e.salt, e.content, e.content_hash, e.hash
FROM quivive.sealed_entries AS e
JOIN quivive.chains AS c USING (chain_id)
WHERE (%(customer)s::text IS NULL OR c.customer_id = %(customer)s)
  AND (%(chain)s::uuid IS NULL OR (e.chain_id, e.sequence) > (%(chain)s::uuid, %(sequence)s))
ORDER BY e.chain_id, e.sequence
LIMIT %(limit)s

-- name: customer_known
SELECT 1 AS known FROM quivive.customers WHERE customer_id = %(customer)s

-- name: erase
SELECT quivive.erase_customer(%(customer)s, %(author)s, %(reason)s) AS chain_id

-- name: forget_audits
-- What was done to the customer, the sites and their incidents, and whatever names one of them.
UPDATE quivive.audit_entries AS a SET resource = '', request = '{}'
FROM (
    SELECT string_agg(id, '|') AS any_of FROM (
        SELECT %(customer)s::text AS id
        UNION ALL SELECT site_id FROM quivive.sites WHERE customer_id = %(customer)s
        UNION ALL SELECT incident_id FROM quivive.incidents WHERE customer_id = %(customer)s
        UNION ALL SELECT token_id FROM quivive.tokens WHERE customer_id = %(customer)s
    ) AS names
) AS erased
WHERE (a.resource || ' ' || a.request) ~ ('(^|[^a-z0-9-])(' || erased.any_of || ')([^a-z0-9-]|$)')

-- name: forget_creations
DELETE FROM quivive.creations
WHERE resource = %(customer)s OR resource IN (SELECT site_id FROM quivive.sites WHERE customer_id = %(customer)s)

-- name: longer
SET LOCAL statement_timeout = '55s'

-- name: correct
-- The id makes a repeated request harmless.
INSERT INTO quivive.corrections (correction_id, incident_id, author, reason, counted, responsibility)
SELECT %(correction)s, incident_id, %(author)s, %(reason)s, %(counted)s, %(responsibility)s
FROM quivive.incidents WHERE incident_id = %(incident)s
ON CONFLICT (correction_id) DO NOTHING

-- name: correct_event
INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)
SELECT 'incident.corrected/' || incident_id || '/' || correction_id, incident_id, time, 'corrected', %(detail)s
FROM quivive.corrections WHERE correction_id = %(correction)s AND incident_id = %(incident)s
ON CONFLICT (event_key) DO NOTHING

-- name: corrections
SELECT time, author, reason, counted, responsibility FROM quivive.corrections
WHERE incident_id = %(incident)s ORDER BY time, correction_id
