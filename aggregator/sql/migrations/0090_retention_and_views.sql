-- Aggregates are kept per plan, as results are; and a day's counts are of one type on every edition.

-- A continuous aggregate's sums of counts are numeric, our own tables' are bigint: outsiders see bigint.
DROP VIEW quivive_report.latency_daily_v1;
CREATE VIEW quivive_report.latency_daily_v1 AS
    SELECT c.site_id, c.name AS check_name, g.name AS region, a.bucket AS bucket_time, p.phase,
           a.results::bigint AS results, a.up::bigint AS up, a.down::bigint AS down,
           array_lower(p.histogram, 1) AS first_bucket, p.histogram AS counts,
           quivive.latency_percentile(p.histogram, 0.5) AS p50_ms,
           quivive.latency_percentile(p.histogram, 0.95) AS p95_ms,
           quivive.latency_percentile(p.histogram, 0.99) AS p99_ms
    FROM quivive.latency_daily AS a
    JOIN quivive.checks AS c USING (check_id)
    JOIN quivive.regions AS g ON g.region_id = a.region
    CROSS JOIN LATERAL (VALUES ('dns', a.dns), ('connect', a.connect), ('tls', a.tls), ('first_byte', a.first_byte),
                               ('transfer', a.transfer), ('total', a.total)) AS p (phase, histogram);

-- Where the rows of the aggregates lie, for deleting some of them: a continuous aggregate is a view of a hypertable of its own.
CREATE FUNCTION quivive.stored_latency(aggregate text) RETURNS regclass
    LANGUAGE plpgsql STABLE SET search_path = quivive, pg_catalog, pg_temp AS $$
DECLARE
    stored regclass;
BEGIN
    IF (SELECT upkeep <> 'policies' FROM quivive.storage) THEN
        RETURN ('quivive.' || quote_ident(aggregate))::regclass;
    END IF;
    EXECUTE 'SELECT format(''%I.%I'', materialization_hypertable_schema, materialization_hypertable_name)::regclass'
        ' FROM timescaledb_information.continuous_aggregates WHERE view_schema = ''quivive'' AND view_name = $1'
        INTO stored USING aggregate;
    RETURN stored;
END $$;

-- Drops whole days of results, and hours and days of aggregates, that are older than every plan keeps them; then deletes what is
-- older than its own customer's plan does. Harmless to repeat.
CREATE OR REPLACE FUNCTION quivive.drop_expired() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = quivive, pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
    today constant timestamptz := date_trunc('day', now());
    plan record;
    kept_results integer;
    kept_aggregates integer;
    expired text;
    aggregate text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7309940471254854) THEN RETURN; END IF;
    -- A plan that is gone still holds for the customers who have it.
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
        SELECT p.results_days, p.aggregates_days, array_agg(c.check_id) AS checks
        FROM quivive.current_plans AS p
        JOIN quivive.customers AS k USING (plan_id)
        JOIN quivive.sites AS s USING (customer_id)
        JOIN quivive.checks AS c USING (site_id)
        WHERE p.results_days < kept_results OR p.aggregates_days < kept_aggregates
        GROUP BY p.plan_id, p.results_days, p.aggregates_days
    LOOP
        IF plan.results_days < kept_results THEN
            DELETE FROM quivive.results
            WHERE check_id = ANY (plan.checks) AND slot < today - make_interval(days => plan.results_days);
        END IF;
        IF plan.aggregates_days < kept_aggregates THEN
            FOREACH aggregate IN ARRAY ARRAY['latency_hourly', 'latency_daily'] LOOP
                EXECUTE format('DELETE FROM %s WHERE check_id = ANY ($1) AND bucket < $2', quivive.stored_latency(aggregate))
                    USING plan.checks, today - make_interval(days => plan.aggregates_days);
            END LOOP;
        END IF;
    END LOOP;
    DELETE FROM quivive.evidence AS e
    USING quivive.checks AS c, quivive.sites AS s, quivive.customers AS k, quivive.current_plans AS p
    WHERE c.check_id = e.check_id AND s.site_id = c.site_id AND k.customer_id = s.customer_id AND p.plan_id = k.plan_id
      AND e.slot < today - make_interval(days => p.results_days)
      AND NOT EXISTS (SELECT FROM quivive.incidents AS i
                      WHERE i.check_id = e.check_id AND e.slot >= i.start_time - interval '1 hour'
                        AND (i.resolve_time IS NULL OR e.slot <= i.resolve_time));
END $$;
