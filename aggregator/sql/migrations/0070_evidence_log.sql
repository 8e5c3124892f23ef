-- The evidence log: incident events and closed intervals, chained by hash per customer; corrections; erasure. See docs/evidence.md.

-- A customer's chain. It outlives the customer: once erased, nothing in it says whose it was.
CREATE TABLE quivive.chains (
    chain_id uuid PRIMARY KEY,
    customer_id text UNIQUE REFERENCES quivive.customers,
    create_time timestamptz NOT NULL DEFAULT now(),
    erase_time timestamptz
);

-- Append-only. `hash` covers the entry before it, `content_hash` covers salt and content; so a chain can be verified without them.
CREATE TABLE quivive.sealed_entries (
    chain_id uuid NOT NULL REFERENCES quivive.chains,
    sequence bigint NOT NULL CHECK (sequence > 0),
    seal_time timestamptz NOT NULL,
    subject text, -- interval/<check>/<start, µs>, or the event's key; null once erased, like salt and content
    salt bytea,
    content text, -- canonical JSON
    content_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (chain_id, sequence),
    CHECK ((content IS NULL) = (salt IS NULL) AND (content IS NULL) = (subject IS NULL))
);
CREATE INDEX sealed_entries_by_subject ON quivive.sealed_entries (chain_id, subject, sequence) WHERE subject IS NOT NULL;

-- What the sealer has to look at: an interval that was closed, changed or removed, an event, or an erasure.
CREATE TABLE quivive.unsealed (
    unsealed_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_id bigint,
    start_time timestamptz,
    event_key text,
    chain_id uuid,
    erasure jsonb, -- {time, author, reason}
    CHECK ((check_id IS NULL) = (start_time IS NULL) AND (chain_id IS NULL) = (erasure IS NULL)
           AND num_nonnulls(check_id, event_key, chain_id) = 1)
);

-- What was found out about an incident later on, by a person. The newest one of an incident holds; all are events, too.
CREATE TABLE quivive.corrections (
    correction_id text PRIMARY KEY,
    incident_id text NOT NULL REFERENCES quivive.incidents,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    author text NOT NULL CHECK (author <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    counted boolean NOT NULL, -- whether the outage counts in the corrected reading of the figures
    responsibility smallint -- null: as it was judged
);
CREATE INDEX corrections_by_incident ON quivive.corrections (incident_id, time);

CREATE VIEW quivive.current_corrections AS
    SELECT DISTINCT ON (incident_id) * FROM quivive.corrections ORDER BY incident_id, time DESC, correction_id DESC;

-- What the corrected reading leaves out of the figures: the down time of outages that do not count.
CREATE INDEX state_intervals_by_incident ON quivive.state_intervals (incident_id) WHERE incident_id IS NOT NULL;
CREATE VIEW quivive.excluded_spans AS
    SELECT i.site_id, n.check_id, n.start_time, n.end_time, i.incident_id, k.author, k.reason
    FROM quivive.current_corrections AS k
    JOIN quivive.incidents AS i USING (incident_id)
    JOIN quivive.state_intervals AS n ON n.incident_id = i.incident_id AND n.state = 3
    WHERE NOT k.counted;

-- What is to be sealed is noted in the transaction that makes it --------------------------------------------------------

CREATE FUNCTION quivive.note_intervals() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO quivive.unsealed (check_id, start_time)
        SELECT check_id, start_time FROM fresh WHERE end_time IS NOT NULL ORDER BY start_time, check_id;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO quivive.unsealed (check_id, start_time)
        SELECT check_id, start_time FROM stale WHERE end_time IS NOT NULL ORDER BY start_time, check_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_inserted AFTER INSERT ON quivive.state_intervals REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.note_intervals();
CREATE TRIGGER note_updated AFTER UPDATE ON quivive.state_intervals REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.note_intervals();
CREATE TRIGGER note_deleted AFTER DELETE ON quivive.state_intervals REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.note_intervals();

CREATE FUNCTION quivive.note_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO quivive.unsealed (event_key) SELECT event_key FROM fresh ORDER BY time, event_key;
    RETURN NULL;
END $$;
CREATE TRIGGER note_inserted AFTER INSERT ON quivive.incident_events REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.note_events();

INSERT INTO quivive.unsealed (check_id, start_time)
    SELECT check_id, start_time FROM quivive.state_intervals WHERE end_time IS NOT NULL ORDER BY end_time, check_id;
INSERT INTO quivive.unsealed (event_key) SELECT event_key FROM quivive.incident_events ORDER BY time, event_key;

-- Append-only: what stands here is changed by an erasure, and by nothing else -------------------------------------------

CREATE FUNCTION quivive.refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = quivive, pg_catalog, pg_temp AS $$
BEGIN
    -- The setting alone anybody can have; the owner's rights only the erasure gives.
    IF TG_OP = 'TRUNCATE' OR coalesce(current_setting('quivive.erasing', true), '') <> 'on'
       OR NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quivive.sealed_entries
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quivive.incident_events
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quivive.corrections
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.refuse_change();

-- Erasure ------------------------------------------------------------------------------------------------------------------

-- Removes a customer who is no longer declared, and everything of his; of his chain the hashes stay, without a name. The chain's
-- id, or null when there was nothing to seal yet. Raises no_data_found, and object_not_in_prerequisite_state while he is declared.
CREATE FUNCTION quivive.erase_customer(customer text, author text, reason text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
DECLARE
    erased_chain uuid;
    remaining text[];
    left_over text[];
    part text;
    dead timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(7309940471254870); -- the sealer's
    SELECT delete_time INTO dead FROM quivive.customers WHERE customer_id = customer FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no customer %', customer USING ERRCODE = 'no_data_found';
    END IF;
    IF dead IS NULL OR EXISTS (SELECT FROM quivive.sites WHERE customer_id = customer AND delete_time IS NULL) THEN
        RAISE EXCEPTION 'customer % is still declared', customer USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM set_config('quivive.erasing', 'on', true);
    -- TimescaleDB would refuse to delete more than 100,000 compressed rows.
    PERFORM set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);
    UPDATE quivive.chains SET customer_id = NULL, erase_time = now() WHERE customer_id = customer
        RETURNING chain_id INTO erased_chain;
    UPDATE quivive.sealed_entries SET subject = NULL, salt = NULL, content = NULL WHERE chain_id = erased_chain;

    -- By the names of columns, so that no table can be forgotten; again and again, since rows refer to each other.
    CREATE TEMPORARY TABLE erased (name text, value text) ON COMMIT DROP;
    INSERT INTO erased VALUES ('customer_id', customer);
    INSERT INTO erased SELECT 'site_id', site_id FROM quivive.sites WHERE customer_id = customer;
    INSERT INTO erased SELECT 'check_id', check_id FROM quivive.checks JOIN quivive.sites USING (site_id)
        WHERE customer_id = customer;
    INSERT INTO erased SELECT 'incident_id', incident_id FROM quivive.incidents WHERE customer_id = customer;
    UPDATE quivive.outbox SET told_with = NULL WHERE told_with IN (
        SELECT outbox_id FROM quivive.outbox JOIN quivive.incidents USING (incident_id) WHERE customer_id = customer);
    SELECT array_agg(format('DELETE FROM quivive.%I WHERE %2$I = ANY ((SELECT array_agg(value) FROM erased WHERE name = %2$L)::%3$s[])',
                            r.relname, a.attname, format_type(a.atttypid, NULL)))
    INTO remaining
    FROM pg_class AS r
    JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname IN ('customer_id', 'site_id', 'check_id', 'incident_id')
    WHERE r.relnamespace = 'quivive'::regnamespace AND r.relkind IN ('r', 'p') AND NOT r.relispartition;
    LOOP
        left_over := '{}';
        FOREACH part IN ARRAY remaining LOOP
            BEGIN
                EXECUTE part;
            EXCEPTION WHEN foreign_key_violation THEN
                left_over := left_over || part;
            END;
        END LOOP;
        EXIT WHEN cardinality(left_over) = 0;
        IF cardinality(left_over) = cardinality(remaining) THEN
            RAISE EXCEPTION 'rows refer to customer % in a way that is not foreseen: %', customer, left_over[1];
        END IF;
        remaining := left_over;
    END LOOP;
    DELETE FROM quivive.incident_groups AS g WHERE NOT EXISTS (SELECT FROM quivive.incidents WHERE group_id = g.group_id);
    DROP TABLE erased;
    UPDATE quivive.configuration SET revision = revision + 1;

    INSERT INTO quivive.unsealed (chain_id, erasure)
        SELECT erased_chain, jsonb_build_object('time', now(), 'author', author, 'reason', reason)
        WHERE erased_chain IS NOT NULL;
    PERFORM set_config('quivive.erasing', 'off', true);
    RETURN erased_chain;
END $$;

-- Stable views: docs/views.md lists their columns -----------------------------------------------------------------------

CREATE VIEW quivive_report.customers_v1 AS
    SELECT customer_id, title, plan_id, locale, timezone FROM quivive.customers WHERE delete_time IS NULL;

CREATE VIEW quivive_report.incident_events_v1 AS
    SELECT i.customer_id, i.site_id, e.incident_id, e.time, e.kind, e.detail
    FROM quivive.incident_events AS e JOIN quivive.incidents AS i USING (incident_id);

CREATE VIEW quivive_report.corrections_v1 AS
    SELECT i.customer_id, i.site_id, k.incident_id, k.time, k.author, k.reason, k.counted, k.responsibility
    FROM quivive.corrections AS k JOIN quivive.incidents AS i USING (incident_id);

CREATE VIEW quivive_report.sealed_entries_v1 AS
    SELECT c.customer_id, e.chain_id, e.sequence, e.seal_time, e.content::jsonb AS content,
           encode(e.content_hash, 'hex') AS content_hash, encode(e.hash, 'hex') AS hash
    FROM quivive.sealed_entries AS e JOIN quivive.chains AS c USING (chain_id);

DO $$ BEGIN PERFORM quivive.grant_roles(); END $$;
