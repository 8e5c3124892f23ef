-- Keeping storage in shape; see migration 0050. The functions make sure that no two aggregators do the same at once.

-- name: refresh_latency
SELECT quivive.refresh_latency();

-- name: drop_expired
SELECT quivive.drop_expired();

-- name: has_jobs
SELECT upkeep = 'jobs' FROM quivive.storage;
