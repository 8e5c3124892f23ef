-- What verdicts rest on: votes as they were counted, evidence joined to incidents, causes with their confidence, groups.

-- Every decision that votes made, with the votes: explanations read this, and compute nothing.
CREATE TABLE quivive.decisions (
    check_id bigint NOT NULL REFERENCES quivive.checks,
    time timestamptz NOT NULL, -- of the message that decided, on the bus's clock
    kind text NOT NULL, -- state.changed, suspicion.retracted, incident.confirmed, incident.reopened, incident.resolved
    effect_time timestamptz NOT NULL, -- from when on it holds
    state smallint,
    incident_id text,
    reason text NOT NULL, -- the rule that decided
    quorum smallint NOT NULL,
    -- [{region, standing, up, end_time, failing: [{slot, attempt, end_time, cause}]}], every region of W
    votes jsonb NOT NULL,
    PRIMARY KEY (check_id, time, kind, effect_time)
);
CREATE INDEX decisions_by_incident ON quivive.decisions (incident_id) WHERE incident_id IS NOT NULL;

-- The failing attempts that an incident rests on. They stay when results go.
CREATE TABLE quivive.incident_evidence (
    incident_id text NOT NULL REFERENCES quivive.incidents,
    slot timestamptz NOT NULL,
    region text NOT NULL,
    attempt smallint NOT NULL,
    end_time timestamptz NOT NULL,
    cause smallint NOT NULL,
    http_status smallint NOT NULL,
    dns integer NOT NULL, connect integer NOT NULL, tls integer NOT NULL,
    first_byte integer NOT NULL, transfer integer NOT NULL, -- units of 0.1 ms
    content jsonb NOT NULL, -- as in quivive.evidence
    PRIMARY KEY (incident_id, slot, region, attempt)
);

-- Incidents that one thing explains.
CREATE TABLE quivive.incident_groups (
    group_id text PRIMARY KEY, -- its first member's
    start_time timestamptz NOT NULL,
    attributes text[] NOT NULL -- shared by all members: "address 192.0.2.7:443"
);
CREATE INDEX incident_groups_by_start ON quivive.incident_groups (start_time);

ALTER TABLE quivive.incidents
    ADD COLUMN confidence double precision CHECK (confidence >= 0 AND confidence <= 1),
    ADD COLUMN cause_rule text,
    ADD COLUMN cause_reason text,
    ADD COLUMN group_id text REFERENCES quivive.incident_groups;
CREATE INDEX incidents_by_group ON quivive.incidents (group_id) WHERE group_id IS NOT NULL;

-- The row with whose message this one's news went out.
ALTER TABLE quivive.outbox ADD COLUMN told_with bigint REFERENCES quivive.outbox;
CREATE INDEX outbox_told_with ON quivive.outbox (told_with) WHERE told_with IS NOT NULL;
