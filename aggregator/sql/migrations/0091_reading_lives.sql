-- Outages of all sites that reach into a window, however long ago they began: without reading those of other years.

CREATE FUNCTION quivive.outage_span(start_time timestamptz, resolve_time timestamptz) RETURNS tstzrange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN tstzrange(start_time, CASE WHEN resolve_time < start_time THEN start_time ELSE resolve_time END, '[]');

CREATE INDEX incidents_by_span ON quivive.incidents USING gist (quivive.outage_span(start_time, resolve_time));

-- A check's life is read from the index alone: its rows lie far apart in the table, which is in the order of time.
ALTER TABLE quivive.state_intervals
    DROP CONSTRAINT state_intervals_pkey,
    ADD CONSTRAINT state_intervals_pkey PRIMARY KEY (check_id, start_time) INCLUDE (end_time, state);
