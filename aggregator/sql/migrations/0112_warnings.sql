-- Early warnings, which page nobody; what is done once a day; domains as their registries know them.

CREATE TABLE quivive.warnings (
    warning_key text PRIMARY KEY, -- certificate/<check>/<host>/<fingerprint>/<days>, slower/<check>, ...
    kind text NOT NULL,
    site_id text REFERENCES quivive.sites,
    title text NOT NULL,
    detail text NOT NULL,
    raise_time timestamptz NOT NULL,
    end_time timestamptz, -- since when it holds no more
    digest_time timestamptz -- when it was told
);
CREATE INDEX warnings_open ON quivive.warnings (raise_time) WHERE end_time IS NULL;
CREATE INDEX warnings_by_site ON quivive.warnings (site_id);

CREATE TABLE quivive.domains (
    domain text PRIMARY KEY,
    check_time timestamptz NOT NULL, -- asked last
    expire_time timestamptz,
    registrar text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT ''
);

-- What is done once a day, whichever aggregator comes first.
CREATE TABLE quivive.daily (
    job text PRIMARY KEY,
    day date NOT NULL
);

DO $$ BEGIN PERFORM quivive.grant_roles(); END $$;
