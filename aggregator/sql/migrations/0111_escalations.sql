-- Pages, and what is done until somebody answers: escalations as rows that fall due, so that no process has to remember anything.

-- One per escalated group (or single incident) and policy. `policy_id` is empty where a plan names none: then its channels were told.
CREATE TABLE quivive.escalations (
    escalation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page_id text NOT NULL, -- the group, or the incident that is in none
    policy_id text NOT NULL,
    start_time timestamptz NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'major', 'minor')),
    UNIQUE (page_id, policy_id)
);

-- An incident that somebody is, was or would have been paged for.
CREATE TABLE quivive.pages (
    incident_id text PRIMARY KEY REFERENCES quivive.incidents,
    policy_id text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'major', 'minor')),
    due_time timestamptz NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'escalating', 'acknowledged', 'resolved')),
    escalation_id bigint REFERENCES quivive.escalations
);
CREATE INDEX pages_live ON quivive.pages (due_time) WHERE state IN ('waiting', 'escalating');
CREATE INDEX pages_by_escalation ON quivive.pages (escalation_id);

-- What is to be done when. A step is taken in the transaction that writes its messages into the outbox.
CREATE TABLE quivive.escalation_steps (
    escalation_id bigint NOT NULL REFERENCES quivive.escalations ON DELETE CASCADE,
    number integer NOT NULL CHECK (number > 0), -- through all rounds, from 1 on; the reminder before the response target is 1000
    kind text NOT NULL CHECK (kind IN ('step', 'fallback', 'before_missed')),
    whom jsonb NOT NULL, -- as it is declared; empty: everybody who was told
    reason text NOT NULL,
    due_time timestamptz NOT NULL,
    take_time timestamptz,
    cancel_reason text,
    outcome text NOT NULL DEFAULT '',
    PRIMARY KEY (escalation_id, number)
);
CREATE INDEX escalation_steps_due ON quivive.escalation_steps (due_time) WHERE take_time IS NULL AND cancel_reason IS NULL;

-- To whom on the channel, where it is not whoever the channel itself names: people/alice, contacts/paul@shop.example.
ALTER TABLE quivive.outbox
    ADD COLUMN recipient text NOT NULL DEFAULT '',
    ADD COLUMN recipient_data jsonb NOT NULL DEFAULT '{}', -- {person, person_name, contact, locale}
    ADD COLUMN step integer NOT NULL DEFAULT 0, -- of the escalation; 0 where there is none
    -- Tells of an outage; whoever got one hears of its end.
    ADD COLUMN is_page boolean NOT NULL
        GENERATED ALWAYS AS (kind IN ('incident.confirmed', 'incident.escalated', 'incident.target_near')) STORED;

-- Pages that were planned before there were escalations.
INSERT INTO quivive.pages (incident_id, policy_id, severity, due_time, payload, state)
SELECT DISTINCT ON (incident_id) incident_id, '', 'critical', due_time, payload, 'resolved'
FROM quivive.outbox WHERE kind = 'incident.confirmed' AND incident_id IS NOT NULL
ORDER BY incident_id, outbox_id;

DO $$ BEGIN PERFORM quivive.grant_roles(); END $$;
