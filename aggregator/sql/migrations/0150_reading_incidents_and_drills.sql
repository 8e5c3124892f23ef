-- Incidents of a check, however many others there are; the last drills among all messages.

CREATE INDEX incidents_by_check ON quivive.incidents (check_id, resolve_time);
CREATE INDEX outbox_drills ON quivive.outbox (create_time) WHERE kind = 'drill';
