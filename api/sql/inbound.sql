-- name: channel
SELECT declared FROM quivive.channels WHERE channel_id = %(channel)s AND type = %(type)s AND delete_time IS NULL

-- name: incident_of_key
-- The incident of a message that we sent on this channel.
SELECT incident_id FROM quivive.outbox WHERE event_key = %(key)s AND channel_id = %(channel)s AND incident_id IS NOT NULL LIMIT 1

-- name: was_told
SELECT EXISTS (SELECT FROM quivive.outbox WHERE incident_id = %(incident)s AND channel_id = %(channel)s)

-- name: person_by_contact
SELECT declared ->> 'name' FROM quivive.people
WHERE delete_time IS NULL AND declared -> 'contacts' ->> %(type)s::text = %(user)s ORDER BY person_id LIMIT 1

-- name: person
SELECT declared ->> 'name', coalesce(declared ->> 'locale', 'en') FROM quivive.people
WHERE person_id = %(person)s AND delete_time IS NULL
