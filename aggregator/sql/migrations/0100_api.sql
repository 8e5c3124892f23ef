-- Who may call the api, who changed what through it, acknowledgements by a person, and changes for watchers.

ALTER TABLE quivive.incidents ADD COLUMN acknowledge_person text;

-- Taken out of every check's regions by its operator, for a while.
ALTER TABLE quivive.regions ADD COLUMN drained boolean NOT NULL DEFAULT false;

-- Bearer tokens qv_<token_id>_<secret>. The id is shown, of the secret there is only an argon2 hash.
CREATE TABLE quivive.tokens (
    token_id text PRIMARY KEY,
    hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('operator', 'reader', 'customer')),
    customer_id text REFERENCES quivive.customers,
    person text NOT NULL CHECK (person <> ''),
    title text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz,
    last_use_time timestamptz,
    revoke_time timestamptz,
    CHECK ((role = 'customer') = (customer_id IS NOT NULL))
);

-- Writes, in the transaction that carried them out. Append-only, but for what becomes too old.
CREATE TABLE quivive.audit_entries (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    person text NOT NULL,
    token_id text NOT NULL, -- empty: the server's own token, or none asked for
    method text NOT NULL,
    resource text NOT NULL,
    request text NOT NULL, -- JSON, without secrets, cut
    peer text NOT NULL
);
CREATE INDEX audit_entries_by_resource ON quivive.audit_entries (resource, entry_id);
CREATE INDEX audit_entries_by_person ON quivive.audit_entries (person, entry_id);

-- Creations that were asked for under a request_id: a repeated one creates nothing.
CREATE TABLE quivive.creations (
    request_id uuid PRIMARY KEY,
    method text NOT NULL,
    request_hash bytea NOT NULL,
    resource text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX creations_by_time ON quivive.creations (create_time);

-- Changes for watchers ---------------------------------------------------------------------------------------------------

-- What happened to sites and in incidents, kept for a week. A watcher stands at a snapshot of transactions: what that one did not
-- see is new, whichever transaction was first to commit. docs/api.md says more.
CREATE TABLE quivive.changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    topic text NOT NULL CHECK (topic IN ('site', 'incident')),
    key text NOT NULL UNIQUE, -- the same after a replay
    kind text NOT NULL, -- state.changed, declared, deleted; of incidents their events' kinds
    time timestamptz NOT NULL,
    site_id text NOT NULL,
    check_id bigint,
    incident_id text,
    state smallint,
    detail text NOT NULL DEFAULT ''
);
CREATE INDEX changes_by_xid ON quivive.changes (xid);
CREATE INDEX changes_by_record_time ON quivive.changes (record_time);

-- The newest transaction of which something is kept no more.
CREATE TABLE quivive.changes_dropped (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    xid xid8 NOT NULL
);
INSERT INTO quivive.changes_dropped (xid) VALUES (pg_current_xact_id());

CREATE FUNCTION quivive.tell_intervals() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO quivive.changes (topic, key, kind, time, site_id, check_id, incident_id, state)
    SELECT 'site', 'state.changed/' || f.check_id || '/' || (extract(epoch FROM f.start_time) * 1000000)::bigint || '/' || f.state,
           'state.changed', f.start_time, c.site_id, f.check_id, f.incident_id, f.state
    FROM fresh AS f JOIN quivive.checks AS c USING (check_id)
    ORDER BY f.start_time, f.check_id
    ON CONFLICT (key) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_inserted AFTER INSERT ON quivive.state_intervals REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.tell_intervals();

CREATE FUNCTION quivive.tell_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO quivive.changes (topic, key, kind, time, site_id, check_id, incident_id, detail)
    SELECT 'incident', f.event_key, f.kind, f.time, i.site_id, i.check_id, f.incident_id, f.detail
    FROM fresh AS f JOIN quivive.incidents AS i USING (incident_id)
    ORDER BY f.time, f.event_key
    ON CONFLICT (key) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_inserted AFTER INSERT ON quivive.incident_events REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.tell_events();

CREATE FUNCTION quivive.tell_sites() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO quivive.changes (topic, key, kind, time, site_id)
    SELECT 'site', 'site/' || site_id || '/' || pg_current_xact_id(),
           CASE WHEN delete_time IS NULL THEN 'declared' ELSE 'deleted' END, now(), site_id
    FROM fresh ORDER BY site_id
    ON CONFLICT (key) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_inserted AFTER INSERT ON quivive.sites REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.tell_sites();
CREATE TRIGGER tell_updated AFTER UPDATE ON quivive.sites REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION quivive.tell_sites();

-- Finding sites by their tags.
CREATE INDEX sites_by_tag ON quivive.sites USING gin ((declared -> 'tags')) WHERE delete_time IS NULL;

DO $$ BEGIN PERFORM quivive.grant_roles(); END $$;
