-- name: lock
-- One apply at a time.
SELECT revision FROM quivive.configuration FOR UPDATE

-- name: bump
UPDATE quivive.configuration SET revision = revision + 1

-- name: plans
SELECT plan_id, title, interval_us, page_after_us, objective, response_target_us, response_hours, business_hours, channels,
       status_page, performance, reports, results_days, aggregates_days, escalation_policy, paging
FROM quivive.current_plans WHERE delete_time IS NULL ORDER BY plan_id

-- name: customers
SELECT customer_id, title, plan_id, locale, timezone, holidays, escalation_policy, contacts, status_page
FROM quivive.customers
WHERE delete_time IS NULL AND (%(customers)s::text[] IS NULL OR customer_id = ANY (%(customers)s))
ORDER BY customer_id

-- name: regions
SELECT name, title, simulated, drained FROM quivive.regions WHERE delete_time IS NULL AND NOT internal ORDER BY name

-- name: sites
SELECT declared FROM quivive.sites
WHERE delete_time IS NULL AND (%(sites)s::text[] IS NULL OR site_id = ANY (%(sites)s))
ORDER BY site_id

-- name: channels
SELECT declared FROM quivive.channels WHERE delete_time IS NULL AND NOT internal ORDER BY channel_id

-- name: people
SELECT declared FROM quivive.people WHERE delete_time IS NULL ORDER BY person_id

-- name: schedules
SELECT declared FROM quivive.schedules WHERE delete_time IS NULL ORDER BY schedule_id

-- name: policies
SELECT declared FROM quivive.escalation_policies WHERE delete_time IS NULL ORDER BY policy_id

-- name: silences
-- Those that were made by a call are nobody's to prune.
SELECT declared FROM quivive.silences WHERE delete_time IS NULL AND declared IS NOT NULL ORDER BY silence_id

-- name: checks
SELECT c.check_id, c.site_id, c.name, c.type, c.critical, c.revision, c.paused, r.spec
FROM quivive.checks AS c
JOIN quivive.check_revisions AS r USING (check_id, revision)
WHERE c.delete_time IS NULL AND (%(sites)s::text[] IS NULL OR c.site_id = ANY (%(sites)s))
ORDER BY c.site_id, c.name

-- name: put_plan
INSERT INTO quivive.plans (plan_id, version, title, interval_us, page_after_us, objective, response_target_us,
                           response_hours, business_hours, channels, status_page, performance, reports, results_days,
                           aggregates_days, escalation_policy, paging)
VALUES (%(id)s, (SELECT coalesce(max(version), 0) + 1 FROM quivive.plans WHERE plan_id = %(id)s), %(title)s,
        %(interval_us)s, %(page_after_us)s, %(objective)s, %(response_target_us)s, %(response_hours)s, %(business_hours)s, %(channels)s,
        %(status_page)s, %(performance)s, %(reports)s, %(results_days)s, %(aggregates_days)s, %(escalation_policy)s,
        %(paging)s)

-- name: put_customer
INSERT INTO quivive.customers (customer_id, title, plan_id, locale, timezone, holidays, escalation_policy, contacts,
                               status_page)
VALUES (%(id)s, %(title)s, %(plan)s, %(locale)s, %(timezone)s, %(holidays)s, %(escalation_policy)s, %(contacts)s,
        %(status_page)s)
ON CONFLICT (customer_id) DO UPDATE SET
    title = excluded.title, plan_id = excluded.plan_id, locale = excluded.locale, timezone = excluded.timezone,
    holidays = excluded.holidays, escalation_policy = excluded.escalation_policy, contacts = excluded.contacts,
    status_page = excluded.status_page,
    create_time = CASE WHEN customers.delete_time IS NULL THEN customers.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_customer
UPDATE quivive.customers SET delete_time = now() WHERE customer_id = %(id)s

-- name: put_region
INSERT INTO quivive.regions (name, title, simulated, drained) VALUES (%(id)s, %(title)s, %(simulated)s, %(drained)s)
ON CONFLICT (name) DO UPDATE SET
    title = excluded.title, simulated = excluded.simulated, drained = excluded.drained,
    create_time = CASE WHEN regions.delete_time IS NULL THEN regions.create_time ELSE now() END,
    blind_time = CASE WHEN regions.delete_time IS NULL THEN regions.blind_time END,
    blind_reason = CASE WHEN regions.delete_time IS NULL THEN regions.blind_reason END,
    delete_time = NULL

-- name: put_heartbeat_region
-- The one region of heartbeats: no agent looks from it.
INSERT INTO quivive.regions (name, title, internal) VALUES (%(id)s, 'Heartbeats', true) ON CONFLICT (name) DO NOTHING

-- name: delete_region
UPDATE quivive.regions SET delete_time = now() WHERE name = %(id)s

-- name: add_region_event
INSERT INTO quivive.region_events (region, time, kind) VALUES (%(id)s, now(), %(kind)s)

-- name: put_site
INSERT INTO quivive.sites (site_id, customer_id, url, declared, paused)
VALUES (%(id)s, %(customer)s, %(url)s, %(declared)s, %(paused)s)
ON CONFLICT (site_id) DO UPDATE SET
    customer_id = excluded.customer_id, url = excluded.url, declared = excluded.declared, paused = excluded.paused,
    create_time = CASE WHEN sites.delete_time IS NULL THEN sites.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_site
UPDATE quivive.sites SET delete_time = now() WHERE site_id = %(id)s

-- name: add_maintenance
INSERT INTO quivive.maintenance (site_id, cron, start_time, ical, duration_us)
VALUES (%(site)s, %(cron)s, %(start)s, %(ical)s, %(duration_us)s)

-- name: delete_maintenance
UPDATE quivive.maintenance SET delete_time = now()
WHERE site_id = %(site)s AND delete_time IS NULL AND duration_us IS NOT DISTINCT FROM %(duration_us)s::bigint
  AND ical IS NOT DISTINCT FROM %(ical)s::text AND cron IS NOT DISTINCT FROM %(cron)s::text AND start_time IS NOT DISTINCT FROM %(start)s::timestamptz

-- name: put_channel
INSERT INTO quivive.channels (channel_id, type, audience, declared)
VALUES (%(id)s, %(type)s, %(audience)s, %(declared)s)
ON CONFLICT (channel_id) DO UPDATE SET
    type = excluded.type, audience = excluded.audience, declared = excluded.declared,
    create_time = CASE WHEN channels.delete_time IS NULL THEN channels.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_channel
UPDATE quivive.channels SET delete_time = now() WHERE channel_id = %(id)s

-- name: add_check
INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision, paused)
VALUES (%(check)s, %(site)s, %(name)s, %(type)s, %(critical)s, %(revision)s, %(paused)s)

-- name: add_revision
INSERT INTO quivive.check_revisions (check_id, revision, regions, interval_us, timeout_us, down_attempts, target, spec)
VALUES (%(check)s, %(revision)s, %(regions)s, %(interval_us)s, %(timeout_us)s, %(down_attempts)s, %(target)s, %(spec)s)

-- name: use_revision
UPDATE quivive.checks SET revision = %(revision)s WHERE check_id = %(check)s

-- name: flag_check
UPDATE quivive.checks SET critical = %(critical)s, paused = %(paused)s WHERE check_id = %(check)s

-- name: delete_check
UPDATE quivive.checks SET delete_time = now() WHERE check_id = %(check)s

-- name: put_person
INSERT INTO quivive.people (person_id, declared) VALUES (%(id)s, %(declared)s)
ON CONFLICT (person_id) DO UPDATE SET
    declared = excluded.declared,
    create_time = CASE WHEN people.delete_time IS NULL THEN people.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_person
UPDATE quivive.people SET delete_time = now() WHERE person_id = %(id)s

-- name: put_schedule
INSERT INTO quivive.schedules (schedule_id, declared) VALUES (%(id)s, %(declared)s)
ON CONFLICT (schedule_id) DO UPDATE SET
    declared = excluded.declared,
    create_time = CASE WHEN schedules.delete_time IS NULL THEN schedules.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_schedule
UPDATE quivive.schedules SET delete_time = now() WHERE schedule_id = %(id)s

-- name: put_policy
INSERT INTO quivive.escalation_policies (policy_id, declared) VALUES (%(id)s, %(declared)s)
ON CONFLICT (policy_id) DO UPDATE SET
    declared = excluded.declared,
    create_time = CASE WHEN escalation_policies.delete_time IS NULL THEN escalation_policies.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_policy
UPDATE quivive.escalation_policies SET delete_time = now() WHERE policy_id = %(id)s

-- name: put_silence
INSERT INTO quivive.silences (silence_id, site_ids, customer_ids, start_time, end_time, reason, declared)
VALUES (%(id)s, %(sites)s, %(customers)s, %(start)s, %(end)s, %(reason)s, %(declared)s)
ON CONFLICT (silence_id) DO UPDATE SET
    site_ids = excluded.site_ids, customer_ids = excluded.customer_ids, start_time = excluded.start_time,
    end_time = excluded.end_time, reason = excluded.reason, declared = excluded.declared,
    create_time = CASE WHEN silences.delete_time IS NULL THEN silences.create_time ELSE now() END,
    delete_time = NULL

-- name: delete_silence
UPDATE quivive.silences SET delete_time = now() WHERE silence_id = %(id)s

-- name: put_contact_channel
-- By which customers' contacts get their mails.
INSERT INTO quivive.channels (channel_id, type, audience, declared, internal)
VALUES ('@customers', 'email', '{}', '{"id": "@customers", "type": "email", "to": []}', true)
ON CONFLICT (channel_id) DO NOTHING

-- name: delete_plan
-- Its versions stay: history refers to them. A new one may take the name again.
UPDATE quivive.plans SET delete_time = now()
WHERE plan_id = %(id)s AND version = (SELECT max(version) FROM quivive.plans WHERE plan_id = %(id)s)

-- name: declared_site
SELECT declared, customer_id FROM quivive.sites WHERE site_id = %(id)s AND delete_time IS NULL

-- name: sites_of_customers
SELECT site_id FROM quivive.sites WHERE customer_id = ANY (%(customers)s) AND delete_time IS NULL

-- name: customers_of_plan
SELECT customer_id FROM quivive.customers WHERE plan_id = %(id)s AND delete_time IS NULL

-- name: creation
SELECT method, request_hash, resource FROM quivive.creations WHERE request_id = %(request)s

-- name: remember_creation
INSERT INTO quivive.creations (request_id, method, request_hash, resource)
VALUES (%(request)s, %(method)s, %(hash)s, %(resource)s)
