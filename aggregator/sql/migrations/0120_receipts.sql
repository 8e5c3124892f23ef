-- What the receiver of a message calls it, so that a later one can change it in place: a Slack timestamp, a ticket's number.
ALTER TABLE quivive.outbox ADD COLUMN receipt text;
