-- name: create
CREATE TABLE IF NOT EXISTS pieces (
    batch INTEGER NOT NULL,
    part INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    agent TEXT NOT NULL,
    subject TEXT NOT NULL,
    results INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (batch, part)
) WITHOUT ROWID;

-- name: contents
SELECT
    coalesce(max(batch), 0),
    coalesce(sum(results), 0),
    coalesce(sum(length(agent) + length(subject) + length(payload)), 0),
    count(DISTINCT batch)
FROM pieces;

-- name: insert
INSERT INTO pieces (batch, part, time_us, agent, subject, results, payload) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: remove
DELETE FROM pieces WHERE batch = ? RETURNING results, length(agent) + length(subject) + length(payload);

-- name: between
SELECT batch, agent, subject, results, payload FROM pieces WHERE batch > ? AND batch < ? ORDER BY batch, part LIMIT ?;

-- name: oldest
SELECT batch, min(time_us), sum(length(agent) + length(subject) + length(payload)) FROM pieces WHERE batch < ? GROUP BY batch ORDER BY batch LIMIT 100;
