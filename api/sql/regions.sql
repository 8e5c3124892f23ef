-- name: all
SELECT name, title, simulated, blind_time, blind_reason FROM quivive.regions
WHERE delete_time IS NULL AND NOT internal ORDER BY name
