-- Who is told of an outage: people, schedules, escalation policies, plans' rules, silences, as they are declared.

CREATE TABLE quivive.people (
    person_id text PRIMARY KEY,
    declared jsonb NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);

CREATE TABLE quivive.schedules (
    schedule_id text PRIMARY KEY,
    declared jsonb NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);

-- Who stands in, said without a new configuration. The newest one that holds decides, and before what is declared.
CREATE TABLE quivive.schedule_overrides (
    override_id text PRIMARY KEY,
    schedule_id text NOT NULL REFERENCES quivive.schedules,
    person_id text NOT NULL REFERENCES quivive.people,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL CHECK (end_time > start_time),
    author text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);
CREATE INDEX schedule_overrides_by_schedule ON quivive.schedule_overrides (schedule_id, end_time) WHERE delete_time IS NULL;

CREATE TABLE quivive.escalation_policies (
    policy_id text PRIMARY KEY,
    declared jsonb NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);

-- Mutes pages and changes no figure. Of these sites and of these customers' sites; of all when both are empty.
CREATE TABLE quivive.silences (
    silence_id text PRIMARY KEY,
    site_ids text[] NOT NULL DEFAULT '{}',
    customer_ids text[] NOT NULL DEFAULT '{}',
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL CHECK (end_time > start_time),
    reason text NOT NULL,
    author text NOT NULL DEFAULT '',
    declared jsonb, -- null unless it is declared in a configuration
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);
CREATE INDEX silences_by_end ON quivive.silences (end_time) WHERE delete_time IS NULL;

ALTER TABLE quivive.plans
    ADD COLUMN escalation_policy text,
    ADD COLUMN paging jsonb NOT NULL DEFAULT '[]'; -- [{causes, responsibilities, page_after, severity}], the first that fits holds
CREATE OR REPLACE VIEW quivive.current_plans AS
    SELECT DISTINCT ON (plan_id) * FROM quivive.plans ORDER BY plan_id, version DESC;
ALTER TABLE quivive.customers
    ADD COLUMN escalation_policy text,
    ADD COLUMN contacts jsonb NOT NULL DEFAULT '[]'; -- [{email, name, locale}]

-- A channel that nobody declares: @customers, by which customers' contacts get their mails. It comes with the first of them.
ALTER TABLE quivive.channels ADD COLUMN internal boolean NOT NULL DEFAULT false;

-- What a plan calls a type of channel.
CREATE FUNCTION quivive.channel_class(type text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN CASE WHEN type IN ('email', 'webhook') THEN type
                WHEN type IN ('slack', 'teams', 'ntfy') THEN 'chat'
                ELSE 'oncall' END;

DO $$ BEGIN PERFORM quivive.grant_roles(); END $$;
