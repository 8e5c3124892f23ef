-- Certificates that servers showed, one row per check, name and certificate: told of when they are new, and every few hours again.
CREATE TABLE quivive.certificates (
    check_id bigint NOT NULL,
    host text NOT NULL,
    fingerprint text NOT NULL, -- SHA-256, hexadecimal
    address text NOT NULL, -- the last that showed it, with its port
    subject text NOT NULL,
    issuer text NOT NULL,
    names text[] NOT NULL,
    not_before timestamptz,
    not_after timestamptz,
    protocol text NOT NULL,
    cipher text NOT NULL,
    verified boolean NOT NULL, -- at last
    first_time timestamptz NOT NULL,
    last_time timestamptz NOT NULL,
    PRIMARY KEY (check_id, host, fingerprint)
);

CREATE VIEW quivive_report.certificates_v1 AS
    SELECT c.site_id, c.name AS check_name, t.host, t.address, t.subject, t.issuer, t.names, t.not_before, t.not_after,
           t.protocol, t.cipher, t.verified, t.fingerprint, t.first_time, t.last_time
    FROM quivive.certificates AS t JOIN quivive.checks AS c USING (check_id)
    WHERE c.delete_time IS NULL;
