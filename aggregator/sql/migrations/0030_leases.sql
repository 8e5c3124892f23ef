-- Several aggregators share the shards: each has one lease, and what it owns is good for as long as that one is.

CREATE TABLE quivive.aggregators (
    -- Host, process and a random part: a process that comes back is another one.
    aggregator text PRIMARY KEY,
    start_time timestamptz NOT NULL DEFAULT now(),
    lease_expire_time timestamptz NOT NULL,
    -- The session that renews the lease; when it is gone the aggregator probably is, too.
    session_pid integer NOT NULL,
    session_start_time timestamptz NOT NULL,
    -- The session that commits, to be ended by whoever takes over; null before the first.
    writer_pid integer,
    writer_start_time timestamptz,
    -- What the owner of shard 0 has to know of all shards: see aggregator/reports.py.
    report jsonb NOT NULL DEFAULT '{}'
);

-- Owned, with the owner's lease, or free.
UPDATE quivive.shards SET owner = NULL;
ALTER TABLE quivive.shards
    DROP COLUMN backend_pid,
    DROP COLUMN lease_expire_time,
    ADD FOREIGN KEY (owner) REFERENCES quivive.aggregators (aggregator) ON DELETE SET NULL;
CREATE INDEX shards_owner ON quivive.shards (owner);
