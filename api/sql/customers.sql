-- name: customers
SELECT c.customer_id, c.title, c.plan_id, c.locale, c.timezone, c.holidays, c.escalation_policy, c.contacts,
       c.status_page, c.create_time,
       (SELECT count(*) FROM quivive.sites AS s WHERE s.customer_id = c.customer_id AND s.delete_time IS NULL) AS sites
FROM quivive.customers AS c
WHERE c.delete_time IS NULL AND (%(customer)s::text IS NULL OR c.customer_id = %(customer)s) AND c.customer_id > %(after)s
ORDER BY c.customer_id

-- name: plans
SELECT p.* FROM quivive.current_plans AS p
WHERE p.delete_time IS NULL
  AND (%(of_customer)s::text IS NULL
       OR p.plan_id = (SELECT plan_id FROM quivive.customers WHERE customer_id = %(of_customer)s))
ORDER BY p.plan_id

-- name: versions
SELECT p.* FROM quivive.plans AS p WHERE p.plan_id = %(plan)s ORDER BY p.version DESC
