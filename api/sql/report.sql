-- name: customer
SELECT c.title, c.locale, c.timezone, p.title AS plan_title, p.objective
FROM quivive.customers AS c
JOIN quivive.current_plans AS p USING (plan_id)
WHERE c.customer_id = %(customer)s

-- name: head
-- The newest entry of the customer's evidence log.
SELECT e.sequence, e.hash
FROM quivive.chains AS c
JOIN quivive.sealed_entries AS e USING (chain_id)
WHERE c.customer_id = %(customer)s
ORDER BY e.sequence DESC LIMIT 1
