-- Jobs that call us, and what pages are known to be like.

-- A region that no agent looks from: jobs call the api. It comes with the first heartbeat, is nobody's to declare, and presence
-- says nothing about it.
ALTER TABLE quivive.regions ADD COLUMN internal boolean NOT NULL DEFAULT false;

CREATE OR REPLACE VIEW quivive_report.regions_v1 AS
    SELECT name AS region, title, simulated, blind_time, blind_reason
    FROM quivive.regions WHERE delete_time IS NULL AND NOT internal;

-- One row per heartbeat check, made when the api first meets it.
CREATE TABLE quivive.heartbeats (
    check_id bigint PRIMARY KEY REFERENCES quivive.checks,
    token_hash bytea NOT NULL UNIQUE,
    -- Silence counts from here at the earliest; null while the check is paused.
    watch_time timestamptz,
    -- The newest call that said anything but "started", and the newest that said "started" since.
    call_time timestamptz,
    start_time timestamptz
);

-- What jobs said, until it is on the bus; then kept for a while, for people.
CREATE TABLE quivive.heartbeat_calls (
    call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_id bigint NOT NULL REFERENCES quivive.checks,
    time timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL CHECK (kind IN ('success', 'start', 'fail')),
    exit_code smallint,
    detail text NOT NULL DEFAULT '',
    publish_time timestamptz
);
CREATE INDEX heartbeat_calls_unpublished ON quivive.heartbeat_calls (call_id) WHERE publish_time IS NULL;
CREATE INDEX heartbeat_calls_by_check ON quivive.heartbeat_calls (check_id, time);

-- Which api observes silence, and since when calls have been taken without a gap.
CREATE TABLE quivive.heartbeat_observer (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    holder text NOT NULL DEFAULT '',
    renew_time timestamptz NOT NULL DEFAULT '-infinity',
    since_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO quivive.heartbeat_observer DEFAULT VALUES;

-- What pages were seen to be like where that is not what is known of them; read by the learner, kept for a while.
CREATE TABLE quivive.page_sightings (
    check_id bigint NOT NULL REFERENCES quivive.checks,
    revision integer NOT NULL,
    region text NOT NULL,
    slot timestamptz NOT NULL,
    features bytea NOT NULL, -- quivive.v1.PageFeatures
    learned boolean NOT NULL DEFAULT false,
    PRIMARY KEY (check_id, slot, region)
);
CREATE INDEX page_sightings_new ON quivive.page_sightings (check_id) WHERE NOT learned;
CREATE INDEX page_sightings_by_time ON quivive.page_sightings (slot);

-- What is known of a page. It travels with the check, without a revision of its own.
CREATE TABLE quivive.page_baselines (
    check_id bigint NOT NULL REFERENCES quivive.checks,
    revision integer NOT NULL,
    baseline bytea NOT NULL, -- quivive.v1.PageBaseline
    spec_part bytea NOT NULL, -- a quivive.v1.CheckSpec of nothing but the baseline: appended to the spec it merges with it
    learn_time timestamptz NOT NULL,
    PRIMARY KEY (check_id, revision)
);
