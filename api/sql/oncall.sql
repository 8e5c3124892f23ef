-- name: schedules
SELECT schedule_id, declared FROM quivive.schedules
WHERE delete_time IS NULL AND (%(schedule)s::text IS NULL OR schedule_id = %(schedule)s::text)
ORDER BY schedule_id

-- name: overrides
-- Those that touch a window, the newest last.
SELECT schedule_id, override_id, person_id, start_time, end_time, reason, author FROM quivive.schedule_overrides
WHERE delete_time IS NULL AND end_time > %(start)s AND (%(schedule)s::text IS NULL OR schedule_id = %(schedule)s::text)
ORDER BY create_time, override_id

-- name: people
SELECT person_id, declared ->> 'name' FROM quivive.people

-- name: person
SELECT 1 FROM quivive.people WHERE person_id = %(person)s AND delete_time IS NULL

-- name: put_override
INSERT INTO quivive.schedule_overrides (override_id, schedule_id, person_id, start_time, end_time, author, reason)
VALUES (%(id)s, %(schedule)s, %(person)s, %(start)s, %(end)s, %(author)s, %(reason)s)

-- name: delete_override
UPDATE quivive.schedule_overrides SET delete_time = coalesce(delete_time, now())
WHERE schedule_id = %(schedule)s AND override_id = %(id)s
