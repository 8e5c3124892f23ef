-- Customers' status pages, as they are declared; null: none.

ALTER TABLE quivive.customers ADD COLUMN status_page jsonb;
-- A host leads to one customer.
CREATE UNIQUE INDEX customers_by_domain ON quivive.customers ((status_page ->> 'domain'))
    WHERE delete_time IS NULL AND status_page ? 'domain';
