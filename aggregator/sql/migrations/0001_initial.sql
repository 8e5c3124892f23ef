-- The schema of Quivive. Instants are timestamptz, spans are half-open, durations are bigint microseconds.
-- Codes of outcome, state, cause and responsibility are those of proto/quivive/v1/outcome.proto.

CREATE SCHEMA IF NOT EXISTS quivive;

-- What is declared ---------------------------------------------------------------------------------------------------

-- One row; its counter goes up in every transaction that changes what is declared, so that readers notice cheaply.
CREATE TABLE quivive.configuration (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL DEFAULT 0
);
INSERT INTO quivive.configuration DEFAULT VALUES;

-- Editing a plan adds a version; the newest serves.
CREATE TABLE quivive.plans (
    plan_id text NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    interval_us bigint NOT NULL CHECK (interval_us > 0),
    page_after_us bigint NOT NULL CHECK (page_after_us >= 0),
    objective double precision CHECK (objective > 0 AND objective <= 1),
    response_target_us bigint NOT NULL,
    response_hours text NOT NULL CHECK (response_hours IN ('business', 'always')),
    channels text[] NOT NULL,
    status_page boolean NOT NULL,
    performance boolean NOT NULL,
    reports text[] NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz,
    PRIMARY KEY (plan_id, version)
);
INSERT INTO quivive.plans VALUES
    ('basic', 1, 'Basic', 180000000, 180000000, NULL, 14400000000, 'business',
     '{email}', false, false, '{monthly}'),
    ('standard', 1, 'Standard', 60000000, 60000000, NULL, 3600000000, 'business',
     '{email,chat,webhook}', true, false, '{monthly}'),
    ('premium', 1, 'Premium', 30000000, 0, 0.999, 1800000000, 'always',
     '{email,chat,webhook,oncall}', true, true, '{monthly,quarterly}');

CREATE VIEW quivive.current_plans AS
    SELECT DISTINCT ON (plan_id) * FROM quivive.plans ORDER BY plan_id, version DESC;

CREATE TABLE quivive.customers (
    customer_id text PRIMARY KEY,
    title text NOT NULL,
    plan_id text NOT NULL,
    locale text NOT NULL,
    timezone text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);

CREATE TABLE quivive.regions (
    region_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    title text NOT NULL,
    -- Shares a machine or an uplink with another region: its votes are not independent.
    simulated boolean NOT NULL DEFAULT false,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz,
    -- Set while its votes do not count.
    blind_time timestamptz,
    blind_reason text
);

-- Blindness and declarations, as they happened.
CREATE TABLE quivive.region_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    region text NOT NULL,
    time timestamptz NOT NULL,
    kind text NOT NULL, -- declared, removed, blind, sighted, refused
    detail text NOT NULL DEFAULT ''
);
CREATE INDEX region_events_by_region ON quivive.region_events (region, time);

CREATE TABLE quivive.sites (
    site_id text PRIMARY KEY,
    customer_id text NOT NULL REFERENCES quivive.customers,
    url text NOT NULL,
    -- The site as it was declared, normalised: what `quivive get` prints and what a new apply is compared with.
    declared jsonb NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);
CREATE INDEX sites_by_customer ON quivive.sites (customer_id);

-- A check's id is immutable and never reused: random, 63 bits, so that it is new even to a bus that outlived the database.
CREATE TABLE quivive.checks (
    check_id bigint PRIMARY KEY CHECK (check_id > 0),
    site_id text NOT NULL REFERENCES quivive.sites,
    name text NOT NULL, -- the last part of sites/{site}/checks/{check}
    type text NOT NULL,
    critical boolean NOT NULL,
    revision integer NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);
CREATE UNIQUE INDEX checks_by_name ON quivive.checks (site_id, name) WHERE delete_time IS NULL;
CREATE INDEX checks_by_site ON quivive.checks (site_id);

-- Every revision a check ever had: results are decided under the one they carry.
CREATE TABLE quivive.check_revisions (
    check_id bigint NOT NULL REFERENCES quivive.checks,
    revision integer NOT NULL,
    regions text[] NOT NULL, -- W, sorted
    interval_us bigint NOT NULL CHECK (interval_us > 0),
    timeout_us bigint NOT NULL CHECK (timeout_us > 0),
    down_attempts smallint NOT NULL,
    target text NOT NULL, -- for people: the URL
    spec bytea NOT NULL, -- quivive.v1.CheckSpec, as it goes to the agents
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (check_id, revision)
);

-- Maintenance of a site: a single span, or a cron expression in the customer's zone with a duration.
CREATE TABLE quivive.maintenance (
    maintenance_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id text NOT NULL REFERENCES quivive.sites,
    cron text,
    start_time timestamptz,
    duration_us bigint NOT NULL CHECK (duration_us > 0),
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz,
    CHECK ((cron IS NULL) <> (start_time IS NULL))
);
CREATE INDEX maintenance_by_site ON quivive.maintenance (site_id);

-- Where news goes. Secrets are named here and read from the environment by the sender.
CREATE TABLE quivive.channels (
    channel_id text PRIMARY KEY,
    type text NOT NULL, -- email, webhook
    -- incidents: pages for whoever is on call; operations: what concerns the operator (blind regions, incomplete data)
    audience text[] NOT NULL,
    declared jsonb NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);

-- What was seen --------------------------------------------------------------------------------------------------------

-- Partitioned by slot: a hypertable where TimescaleDB is there, else native partitions by day that the writer adds.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        CREATE TABLE quivive.results (
            check_id bigint NOT NULL, slot timestamptz NOT NULL, end_time timestamptz NOT NULL,
            revision integer NOT NULL,
            dns integer NOT NULL, connect integer NOT NULL, tls integer NOT NULL,
            first_byte integer NOT NULL, transfer integer NOT NULL,
            region smallint NOT NULL, attempt smallint NOT NULL, outcome smallint NOT NULL, cause smallint NOT NULL,
            http_status smallint NOT NULL
        );
        PERFORM create_hypertable('quivive.results', 'slot', chunk_time_interval => interval '1 day',
                                  create_default_indexes => false);
    ELSE
        CREATE TABLE quivive.results (
            check_id bigint NOT NULL, slot timestamptz NOT NULL, end_time timestamptz NOT NULL,
            revision integer NOT NULL,
            dns integer NOT NULL, connect integer NOT NULL, tls integer NOT NULL,
            first_byte integer NOT NULL, transfer integer NOT NULL,
            region smallint NOT NULL, attempt smallint NOT NULL, outcome smallint NOT NULL, cause smallint NOT NULL,
            http_status smallint NOT NULL
        ) PARTITION BY RANGE (slot);
    END IF;
END $$;
COMMENT ON TABLE quivive.results IS 'One row per attempt. Phases in units of 0.1 ms; http_status 0 means none.';
-- The identity. It leads with the check, so that it also serves every reading of one check over time.
CREATE UNIQUE INDEX results_identity ON quivive.results (check_id, slot, region, attempt);

-- What the failing attempts saw.
CREATE TABLE quivive.evidence (
    check_id bigint NOT NULL,
    slot timestamptz NOT NULL,
    region smallint NOT NULL,
    attempt smallint NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (check_id, slot, region, attempt)
);

-- What was concluded -----------------------------------------------------------------------------------------------------

-- The life of a check without gap or overlap; the last span is open.
CREATE TABLE quivive.state_intervals (
    check_id bigint NOT NULL REFERENCES quivive.checks,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    state smallint NOT NULL,
    reason text NOT NULL,
    incident_id text,
    PRIMARY KEY (check_id, start_time),
    CHECK (end_time > start_time)
);
CREATE UNIQUE INDEX state_intervals_open ON quivive.state_intervals (check_id) WHERE end_time IS NULL;

CREATE TABLE quivive.incidents (
    incident_id text PRIMARY KEY,
    check_id bigint NOT NULL REFERENCES quivive.checks,
    site_id text NOT NULL REFERENCES quivive.sites,
    customer_id text NOT NULL REFERENCES quivive.customers,
    start_time timestamptz NOT NULL,
    confirm_time timestamptz NOT NULL,
    page_time timestamptz,
    acknowledge_time timestamptz,
    resolve_time timestamptz,
    cause smallint NOT NULL,
    responsibility smallint NOT NULL,
    regions text[] NOT NULL,
    detail text NOT NULL,
    reason text NOT NULL, -- the rule that decided
    close_reason text,
    retroactive boolean NOT NULL DEFAULT false,
    simulated boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX incidents_open ON quivive.incidents (check_id) WHERE resolve_time IS NULL;
CREATE INDEX incidents_by_start ON quivive.incidents (start_time DESC, incident_id);
CREATE INDEX incidents_by_site ON quivive.incidents (site_id, start_time DESC);
CREATE INDEX incidents_by_customer ON quivive.incidents (customer_id, start_time DESC);

-- Append-only.
CREATE TABLE quivive.incident_events (
    event_key text PRIMARY KEY, -- the same after a replay
    incident_id text NOT NULL REFERENCES quivive.incidents,
    time timestamptz NOT NULL,
    kind text NOT NULL, -- confirmed, paged, page_failed, reopened, moved, resolved
    detail text NOT NULL DEFAULT ''
);
CREATE INDEX incident_events_by_incident ON quivive.incident_events (incident_id, time);

-- Suspicions that ended without an incident although a region had voted DOWN: the false-alarm record.
CREATE TABLE quivive.retracted_suspicions (
    check_id bigint NOT NULL REFERENCES quivive.checks,
    slot timestamptz NOT NULL,
    open_time timestamptz NOT NULL,
    retract_time timestamptz NOT NULL,
    down_regions text[] NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (check_id, slot, open_time)
);

-- What is to be told -----------------------------------------------------------------------------------------------------

-- One row per (event, channel). It is also the sent-log: `sent_time` decides, not memory.
CREATE TABLE quivive.outbox (
    outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key text NOT NULL, -- incident.confirmed/<incident>, region.blind/<region>/<time>
    channel_id text NOT NULL REFERENCES quivive.channels,
    kind text NOT NULL, -- incident.confirmed, incident.resolved, region.blind, region.sighted, data.incomplete
    incident_id text REFERENCES quivive.incidents,
    payload jsonb NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    due_time timestamptz NOT NULL,
    claim_time timestamptz, -- claimed until this; free again when it has passed
    attempts integer NOT NULL DEFAULT 0,
    sent_time timestamptz,
    cancel_reason text, -- resolved before it was due, channel deleted, given up
    last_error text,
    UNIQUE (event_key, channel_id)
);
CREATE INDEX outbox_due ON quivive.outbox (due_time) WHERE sent_time IS NULL AND cancel_reason IS NULL;
CREATE INDEX outbox_by_incident ON quivive.outbox (incident_id);

-- Who does what ------------------------------------------------------------------------------------------------------------

-- Taking a shard over increments its epoch; only `WHERE epoch = mine` commits from then on.
CREATE TABLE quivive.shards (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    backend_pid integer,
    lease_expire_time timestamptz,
    -- Stream sequence up to which results and transitions are committed.
    position bigint NOT NULL DEFAULT 0,
    -- The decision core's state and the stream sequence it stands at: snapshot_position <= position.
    snapshot bytea,
    snapshot_position bigint NOT NULL DEFAULT 0
);

-- Messages that could not be read: set aside, shown to the operator, never retried.
CREATE TABLE quivive.poison (
    sequence bigint PRIMARY KEY,
    subject text NOT NULL,
    time timestamptz NOT NULL,
    reason text NOT NULL,
    data bytea NOT NULL
);

-- How `results` is stored here, chosen at migration.
CREATE TABLE quivive.storage (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    partitions text NOT NULL, -- hypertable, native
    timescaledb_version text,
    timescaledb_license text
);
INSERT INTO quivive.storage (partitions, timescaledb_version, timescaledb_license)
SELECT CASE WHEN e.extversion IS NULL THEN 'native' ELSE 'hypertable' END,
       e.extversion,
       current_setting('timescaledb.license', true)
FROM (SELECT 1) AS one LEFT JOIN pg_extension AS e ON e.extname = 'timescaledb';

-- Shared readings -------------------------------------------------------------------------------------------------------------

-- The present state of every check that is watched.
CREATE VIEW quivive.check_states AS
    SELECT c.check_id, c.site_id, c.name, c.critical, c.type, c.revision, c.paused, r.target, r.regions,
           r.interval_us, r.timeout_us,
           coalesce(i.state, 4::smallint) AS state, coalesce(i.start_time, c.create_time) AS state_time
    FROM quivive.checks AS c
    JOIN quivive.check_revisions AS r USING (check_id, revision)
    LEFT JOIN quivive.state_intervals AS i ON i.check_id = c.check_id AND i.end_time IS NULL
    WHERE c.delete_time IS NULL;

-- For dashboards and outsiders: stable, versioned by suffix, documented in docs/operations.md.
CREATE SCHEMA IF NOT EXISTS quivive_report;

CREATE VIEW quivive_report.sites_v1 AS
    SELECT s.site_id, s.customer_id, s.url,
           -- DOWN, then UNKNOWN, then PARTIAL_OUTAGE, then UP, over the critical checks
           CASE WHEN s.paused THEN 'PAUSED'
                WHEN bool_or(c.state = 3) THEN 'DOWN'
                WHEN bool_or(c.state = 4) OR count(c.check_id) = 0 THEN 'UNKNOWN'
                WHEN bool_or(c.state = 2) THEN 'PARTIAL_OUTAGE'
                ELSE 'UP' END AS state
    FROM quivive.sites AS s
    LEFT JOIN quivive.check_states AS c ON c.site_id = s.site_id AND c.critical AND NOT c.paused
    WHERE s.delete_time IS NULL
    GROUP BY s.site_id;

CREATE VIEW quivive_report.state_intervals_v1 AS
    SELECT c.site_id, c.name AS check_name, c.critical, i.start_time, i.end_time,
           CASE i.state WHEN 1 THEN 'UP' WHEN 2 THEN 'PARTIAL_OUTAGE' WHEN 3 THEN 'DOWN' WHEN 4 THEN 'UNKNOWN'
                        ELSE 'PAUSED' END AS state,
           i.incident_id
    FROM quivive.state_intervals AS i JOIN quivive.checks AS c USING (check_id);

CREATE VIEW quivive_report.incidents_v1 AS
    SELECT i.incident_id, i.site_id, c.name AS check_name, i.customer_id, i.start_time, i.confirm_time, i.page_time,
           i.acknowledge_time, i.resolve_time, i.cause, i.responsibility, i.regions, i.detail, i.simulated
    FROM quivive.incidents AS i JOIN quivive.checks AS c USING (check_id)
    WHERE NOT i.retroactive;

CREATE VIEW quivive_report.results_v1 AS
    SELECT r.slot, r.end_time, c.site_id, c.name AS check_name, g.name AS region, r.attempt,
           CASE r.outcome WHEN 1 THEN 'UP' WHEN 2 THEN 'DOWN' WHEN 3 THEN 'BLOCKED' WHEN 4 THEN 'PROBE_ERROR'
                          ELSE 'MISSED' END AS outcome,
           r.cause, r.http_status,
           r.dns / 10.0 AS dns_ms, r.connect / 10.0 AS connect_ms, r.tls / 10.0 AS tls_ms,
           r.first_byte / 10.0 AS first_byte_ms, r.transfer / 10.0 AS transfer_ms,
           (r.dns + r.connect + r.tls + r.first_byte + r.transfer) / 10.0 AS total_ms
    FROM quivive.results AS r
    JOIN quivive.checks AS c USING (check_id)
    JOIN quivive.regions AS g ON g.region_id = r.region;

CREATE VIEW quivive_report.regions_v1 AS
    SELECT name AS region, title, simulated, blind_time, blind_reason FROM quivive.regions WHERE delete_time IS NULL;
