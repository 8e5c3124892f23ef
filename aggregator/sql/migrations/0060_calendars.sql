-- Maintenance as an iCalendar text, and what response targets in working time need: hours and holidays.

ALTER TABLE quivive.maintenance
    ADD COLUMN ical text,
    ALTER COLUMN duration_us DROP NOT NULL, -- an iCalendar event has its own
    DROP CONSTRAINT maintenance_check,
    ADD CONSTRAINT maintenance_is_one_thing CHECK (num_nonnulls(cron, start_time, ical) = 1),
    ADD CONSTRAINT maintenance_has_a_length CHECK ((duration_us IS NULL) = (ical IS NOT NULL));

-- A country, or a country and one of its regions: FR, DE-BY. None when empty.
ALTER TABLE quivive.customers ADD COLUMN holidays text NOT NULL DEFAULT '';

-- The week of response_hours = 'business', on the wall clock of the customer's zone.
ALTER TABLE quivive.plans ADD COLUMN business_hours text NOT NULL DEFAULT 'MON-FRI 09:00-18:00';
CREATE OR REPLACE VIEW quivive.current_plans AS
    SELECT DISTINCT ON (plan_id) * FROM quivive.plans ORDER BY plan_id, version DESC;
