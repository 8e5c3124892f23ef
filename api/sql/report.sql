-- name: customer
SELECT c.title, c.locale, c.timezone, p.title AS plan_title, p.objective
FROM quivive.customers AS c
JOIN quivive.current_plans AS p USING (plan_id)
WHERE c.customer_id = %(customer)s
