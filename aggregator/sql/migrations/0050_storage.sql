-- Latency by the hour and by the day, and what keeps storage in shape: compression, refresh, retention, partitions.
-- Whoever migrates owns all of it; the services reach what needs an owner's rights through the functions at the end.

-- How long results and aggregates are kept, in whole days. Results come up to three days late.
ALTER TABLE quivive.plans
    ADD COLUMN results_days integer NOT NULL DEFAULT 30 CHECK (results_days >= 4),
    ADD COLUMN aggregates_days integer NOT NULL DEFAULT 730 CHECK (aggregates_days >= results_days);
CREATE OR REPLACE VIEW quivive.current_plans AS
    SELECT DISTINCT ON (plan_id) * FROM quivive.plans ORDER BY plan_id, version DESC;

-- The second switch beside `partitions`, and like it chosen once: TimescaleDB's own policies, or our jobs in the aggregator.
ALTER TABLE quivive.storage ADD COLUMN upkeep text NOT NULL DEFAULT 'jobs' CHECK (upkeep IN ('policies', 'jobs'));
UPDATE quivive.storage SET upkeep = 'policies' WHERE partitions = 'hypertable' AND timescaledb_license = 'timescale';

-- Histograms ---------------------------------------------------------------------------------------------------------

-- Latencies, in units of 0.1 ms, by their logarithm: bucket 0 holds 0, bucket i > 0 holds what is above 1.04^(i-2) and not above
-- 1.04^(i-1). A bucket's value is off by 2 % at most from whatever it holds. A histogram is an array whose subscripts are buckets,
-- from the lowest that holds something to the highest; null is 0.
CREATE FUNCTION quivive.latency_bucket(units integer) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN CASE WHEN units < 1 THEN 0 ELSE 1 + ceil(ln(units::double precision) / ln(1.04::double precision)) END;

-- What a bucket stands for, in ms.
CREATE FUNCTION quivive.latency_of_bucket(bucket integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN CASE WHEN bucket < 1 THEN 0
                ELSE 0.1 * 2 * power(1.04::double precision, bucket - 1) / (1 + 1.04) END;

CREATE FUNCTION quivive.latency_count(histogram integer[], units integer) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    bucket integer := CASE WHEN units < 1 THEN 0
                           ELSE 1 + ceil(ln(units::double precision) / ln(1.04::double precision)) END;
BEGIN
    histogram[bucket] := coalesce(histogram[bucket], 0) + 1;
    RETURN histogram;
END $$;

CREATE FUNCTION quivive.latency_add(histogram integer[], other integer[]) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF histogram IS NULL THEN RETURN other; END IF;
    IF other IS NULL THEN RETURN histogram; END IF;
    FOR bucket IN array_lower(other, 1) .. array_upper(other, 1) LOOP
        IF other[bucket] IS NOT NULL THEN
            histogram[bucket] := coalesce(histogram[bucket], 0) + other[bucket];
        END IF;
    END LOOP;
    RETURN histogram;
END $$;

CREATE AGGREGATE quivive.latency_histogram(integer) (
    SFUNC = quivive.latency_count, STYPE = integer[], COMBINEFUNC = quivive.latency_add, PARALLEL = SAFE
);
CREATE AGGREGATE quivive.latency_merge(integer[]) (
    SFUNC = quivive.latency_add, STYPE = integer[], COMBINEFUNC = quivive.latency_add, PARALLEL = SAFE
);

-- The latency in ms that `share` (0 to 1) of a histogram's results do not exceed; null without any.
CREATE FUNCTION quivive.latency_percentile(histogram integer[], share double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN (
        SELECT quivive.latency_of_bucket(min(bucket))
        FROM (
            SELECT bucket, sum(histogram[bucket]) OVER (ORDER BY bucket) AS reached, sum(histogram[bucket]) OVER () AS total
            FROM generate_subscripts(histogram, 1) AS bucket
        ) AS counted
        WHERE reached >= greatest(1, ceil(share * total))
    );

-- Aggregates -----------------------------------------------------------------------------------------------------------

-- One row per check, region and hour or day (UTC). Histograms are of the good attempts.
DO $$
DECLARE
    columns constant text := $columns$
        count(*) AS results,
        count(*) FILTER (WHERE outcome = 1) AS up,
        count(*) FILTER (WHERE outcome = 2) AS down,
        quivive.latency_histogram(dns) FILTER (WHERE outcome = 1) AS dns,
        quivive.latency_histogram(connect) FILTER (WHERE outcome = 1) AS connect,
        quivive.latency_histogram(tls) FILTER (WHERE outcome = 1) AS tls,
        quivive.latency_histogram(first_byte) FILTER (WHERE outcome = 1) AS first_byte,
        quivive.latency_histogram(transfer) FILTER (WHERE outcome = 1) AS transfer,
        quivive.latency_histogram(dns + connect + tls + first_byte + transfer) FILTER (WHERE outcome = 1) AS total
        $columns$;
    merged constant text := $columns$
        sum(results) AS results, sum(up) AS up, sum(down) AS down,
        quivive.latency_merge(dns) AS dns, quivive.latency_merge(connect) AS connect, quivive.latency_merge(tls) AS tls,
        quivive.latency_merge(first_byte) AS first_byte, quivive.latency_merge(transfer) AS transfer,
        quivive.latency_merge(total) AS total
        $columns$;
    kind text;
BEGIN
    IF (SELECT upkeep = 'policies' FROM quivive.storage) THEN
        -- A batch of compressed rows is one check's from one region, in the order of time.
        ALTER TABLE quivive.results SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'check_id, region',
            timescaledb.compress_orderby = 'slot, attempt'
        );
        PERFORM add_compression_policy('quivive.results', compress_after => interval '4 days');
        EXECUTE 'CREATE MATERIALIZED VIEW quivive.latency_hourly'
            ' WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS'
            ' SELECT check_id, region, time_bucket(interval ''1 hour'', slot) AS bucket,' || columns ||
            ' FROM quivive.results GROUP BY check_id, region, time_bucket(interval ''1 hour'', slot) WITH NO DATA';
        EXECUTE 'CREATE MATERIALIZED VIEW quivive.latency_daily'
            ' WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS'
            ' SELECT check_id, region, time_bucket(interval ''1 day'', bucket) AS bucket,' || merged ||
            ' FROM quivive.latency_hourly GROUP BY check_id, region, time_bucket(interval ''1 day'', bucket) WITH NO DATA';
        -- Behind the latest results that may come, and short of the hour that is still filling.
        PERFORM add_continuous_aggregate_policy('quivive.latency_hourly', start_offset => interval '4 days',
            end_offset => interval '10 minutes', schedule_interval => interval '20 minutes');
        PERFORM add_continuous_aggregate_policy('quivive.latency_daily', start_offset => interval '6 days',
            end_offset => interval '1 hour', schedule_interval => interval '1 hour');
        FOREACH kind IN ARRAY ARRAY['latency_hourly', 'latency_daily'] LOOP
            EXECUTE format('ALTER MATERIALIZED VIEW quivive.%I SET (timescaledb.compress,'
                ' timescaledb.compress_segmentby = ''check_id'', timescaledb.compress_orderby = ''region, bucket'')', kind);
            PERFORM add_compression_policy(format('quivive.%I', kind)::regclass, compress_after => interval '10 days');
        END LOOP;
    ELSE
        FOREACH kind IN ARRAY ARRAY['latency_hourly', 'latency_daily'] LOOP
            EXECUTE format('CREATE TABLE quivive.%I (check_id bigint NOT NULL, region smallint NOT NULL,'
                ' bucket timestamptz NOT NULL, results bigint NOT NULL, up bigint NOT NULL, down bigint NOT NULL,'
                ' dns integer[], connect integer[], tls integer[], first_byte integer[], transfer integer[], total integer[],'
                ' PRIMARY KEY (check_id, bucket, region))', kind);
            EXECUTE format('CREATE INDEX %I ON quivive.%I (bucket)', kind || '_by_bucket', kind);
        END LOOP;
    END IF;
END $$;

-- Hours that results came for since they were last refreshed; each transaction adds its own, so that none waits for another.
CREATE TABLE quivive.stale_hours (
    bucket timestamptz NOT NULL
);
CREATE INDEX stale_hours_by_bucket ON quivive.stale_hours (bucket);

-- For dashboards: a row per phase. `counts` begins at bucket `first_bucket`; see quivive.latency_bucket.
CREATE VIEW quivive_report.latency_hourly_v1 AS
    SELECT c.site_id, c.name AS check_name, g.name AS region, a.bucket AS bucket_time, p.phase,
           a.results, a.up, a.down, array_lower(p.histogram, 1) AS first_bucket, p.histogram AS counts,
           quivive.latency_percentile(p.histogram, 0.5) AS p50_ms,
           quivive.latency_percentile(p.histogram, 0.95) AS p95_ms,
           quivive.latency_percentile(p.histogram, 0.99) AS p99_ms
    FROM quivive.latency_hourly AS a
    JOIN quivive.checks AS c USING (check_id)
    JOIN quivive.regions AS g ON g.region_id = a.region
    CROSS JOIN LATERAL (VALUES ('dns', a.dns), ('connect', a.connect), ('tls', a.tls), ('first_byte', a.first_byte),
                               ('transfer', a.transfer), ('total', a.total)) AS p (phase, histogram);
CREATE VIEW quivive_report.latency_daily_v1 AS
    SELECT c.site_id, c.name AS check_name, g.name AS region, a.bucket AS bucket_time, p.phase,
           a.results, a.up, a.down, array_lower(p.histogram, 1) AS first_bucket, p.histogram AS counts,
           quivive.latency_percentile(p.histogram, 0.5) AS p50_ms,
           quivive.latency_percentile(p.histogram, 0.95) AS p95_ms,
           quivive.latency_percentile(p.histogram, 0.99) AS p99_ms
    FROM quivive.latency_daily AS a
    JOIN quivive.checks AS c USING (check_id)
    JOIN quivive.regions AS g ON g.region_id = a.region
    CROSS JOIN LATERAL (VALUES ('dns', a.dns), ('connect', a.connect), ('tls', a.tls), ('first_byte', a.first_byte),
                               ('transfer', a.transfer), ('total', a.total)) AS p (phase, histogram);

-- Messages that were set aside, for the operator.
CREATE VIEW quivive_report.poison_v1 AS
    SELECT sequence, subject, time, reason, length(data) AS bytes FROM quivive.poison;

-- What needs an owner's rights ---------------------------------------------------------------------------------------------

-- Makes the partition of a UTC day where partitions are native. Made first and attached then: unlike CREATE ... PARTITION OF, that
-- keeps no reader waiting. True when it was not there.
CREATE FUNCTION quivive.make_partition(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp AS $$
DECLARE
    name constant text := 'results_' || to_char(day, 'YYYYMMDD');
BEGIN
    PERFORM pg_advisory_xact_lock(7309940471254852);
    IF to_regclass('quivive.' || name) IS NOT NULL OR (SELECT partitions <> 'native' FROM quivive.storage) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE quivive.%I (LIKE quivive.results)', name);
    EXECUTE format('ALTER TABLE quivive.results ATTACH PARTITION quivive.%I FOR VALUES FROM (%L) TO (%L)', name,
                   day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
END $$;

-- Brings the oldest stale hour that is over, and its day, up to date; false when none is stale. Rows of stale_hours go first: what
-- is committed later has a row of its own.
CREATE FUNCTION quivive.refresh_latency() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = quivive, pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    hour timestamptz;
    day timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7309940471254853) THEN RETURN false; END IF;
    SELECT min(bucket) INTO hour FROM quivive.stale_hours WHERE bucket <= now() - interval '70 minutes';
    IF hour IS NULL THEN RETURN false; END IF;
    day := date_trunc('day', hour);
    DELETE FROM quivive.stale_hours WHERE bucket = hour;
    DELETE FROM quivive.latency_hourly WHERE bucket = hour;
    INSERT INTO quivive.latency_hourly
        SELECT check_id, region, hour, count(*), count(*) FILTER (WHERE outcome = 1), count(*) FILTER (WHERE outcome = 2),
               quivive.latency_histogram(dns) FILTER (WHERE outcome = 1),
               quivive.latency_histogram(connect) FILTER (WHERE outcome = 1),
               quivive.latency_histogram(tls) FILTER (WHERE outcome = 1),
               quivive.latency_histogram(first_byte) FILTER (WHERE outcome = 1),
               quivive.latency_histogram(transfer) FILTER (WHERE outcome = 1),
               quivive.latency_histogram(dns + connect + tls + first_byte + transfer) FILTER (WHERE outcome = 1)
        FROM quivive.results WHERE slot >= hour AND slot < hour + interval '1 hour'
        GROUP BY check_id, region;
    IF NOT EXISTS (SELECT FROM quivive.stale_hours
                   WHERE bucket >= day AND bucket < day + interval '1 day' AND bucket <= now() - interval '70 minutes') THEN
        DELETE FROM quivive.latency_daily WHERE bucket = day;
        INSERT INTO quivive.latency_daily
            SELECT check_id, region, day, sum(results), sum(up), sum(down), quivive.latency_merge(dns),
                   quivive.latency_merge(connect), quivive.latency_merge(tls), quivive.latency_merge(first_byte),
                   quivive.latency_merge(transfer), quivive.latency_merge(total)
            FROM quivive.latency_hourly WHERE bucket >= day AND bucket < day + interval '1 day'
            GROUP BY check_id, region;
    END IF;
    RETURN true;
END $$;

-- Drops whole days of results, and hours and days of aggregates, that are older than every plan keeps them; then deletes what is
-- older than its own customer's plan does. Harmless to repeat.
CREATE FUNCTION quivive.drop_expired() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = quivive, pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
    today constant timestamptz := date_trunc('day', now());
    plan record;
    kept_results integer;
    kept_aggregates integer;
    expired text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7309940471254854) THEN RETURN; END IF;
    SELECT max(results_days), max(aggregates_days) INTO kept_results, kept_aggregates FROM quivive.current_plans;
    IF (SELECT partitions = 'hypertable' FROM quivive.storage) THEN
        PERFORM public.drop_chunks('quivive.results', today - make_interval(days => kept_results));
    ELSE
        FOR expired IN
            SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'quivive.results'::regclass
              AND c.relname < 'results_' || to_char(today - make_interval(days => kept_results), 'YYYYMMDD')
        LOOP
            EXECUTE format('DROP TABLE quivive.%I', expired);
        END LOOP;
    END IF;
    IF (SELECT upkeep = 'policies' FROM quivive.storage) THEN
        PERFORM public.drop_chunks('quivive.latency_hourly', today - make_interval(days => kept_aggregates));
        PERFORM public.drop_chunks('quivive.latency_daily', today - make_interval(days => kept_aggregates));
    ELSE
        DELETE FROM quivive.latency_hourly WHERE bucket < today - make_interval(days => kept_aggregates);
        DELETE FROM quivive.latency_daily WHERE bucket < today - make_interval(days => kept_aggregates);
    END IF;
    FOR plan IN
        SELECT p.results_days, array_agg(c.check_id) AS checks
        FROM quivive.current_plans AS p
        JOIN quivive.customers AS k USING (plan_id)
        JOIN quivive.sites AS s USING (customer_id)
        JOIN quivive.checks AS c USING (site_id)
        WHERE p.results_days < kept_results
        GROUP BY p.plan_id, p.results_days
    LOOP
        DELETE FROM quivive.results
        WHERE check_id = ANY (plan.checks) AND slot < today - make_interval(days => plan.results_days);
    END LOOP;
    DELETE FROM quivive.evidence AS e
    USING quivive.checks AS c, quivive.sites AS s, quivive.customers AS k, quivive.current_plans AS p
    WHERE c.check_id = e.check_id AND s.site_id = c.site_id AND k.customer_id = s.customer_id AND p.plan_id = k.plan_id
      AND e.slot < today - make_interval(days => p.results_days)
      AND NOT EXISTS (SELECT FROM quivive.incidents AS i
                      WHERE i.check_id = e.check_id AND e.slot >= i.start_time - interval '1 hour'
                        AND (i.resolve_time IS NULL OR e.slot <= i.resolve_time));
END $$;

-- Roles ------------------------------------------------------------------------------------------------------------------

-- Groups without a login, for the operator to grant: quivive_runtime to what the services connect as, quivive_reader to dashboards.
-- A server that lets nobody make roles has none; then whoever migrates is whoever runs.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quivive_runtime') THEN
        CREATE ROLE quivive_runtime NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quivive_reader') THEN
        CREATE ROLE quivive_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;

-- Grants on what is there; every run of the migration ends with it, so that later tables are granted, too.
CREATE FUNCTION quivive.grant_roles() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    REVOKE EXECUTE ON FUNCTION quivive.make_partition(date), quivive.refresh_latency(), quivive.drop_expired(),
                               quivive.grant_roles() FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'quivive_runtime') THEN
        GRANT USAGE ON SCHEMA quivive, quivive_report TO quivive_runtime;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA quivive TO quivive_runtime;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA quivive TO quivive_runtime;
        GRANT EXECUTE ON FUNCTION quivive.make_partition(date), quivive.refresh_latency(), quivive.drop_expired()
            TO quivive_runtime;
        GRANT SELECT ON ALL TABLES IN SCHEMA quivive_report TO quivive_runtime;
        REVOKE INSERT, UPDATE, DELETE ON quivive.storage, quivive.latency_hourly, quivive.latency_daily
            FROM quivive_runtime;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'quivive_reader') THEN
        GRANT USAGE ON SCHEMA quivive_report TO quivive_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA quivive_report TO quivive_reader;
    END IF;
END $$;
