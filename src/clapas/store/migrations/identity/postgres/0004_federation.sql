-- Who an account is elsewhere, where a session comes from, passkeys.
CREATE TABLE external_identity (
    provider  text NOT NULL,
    subject   text NOT NULL,
    account   uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    seen      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, subject)
);
CREATE INDEX external_identity_account ON external_identity (account);

CREATE TABLE session_origin (
    session   uuid PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    provider  text NOT NULL,
    subject   text NOT NULL,
    sid       text NOT NULL DEFAULT '',
    hint      bytea NOT NULL DEFAULT ''
);
CREATE INDEX session_origin_subject ON session_origin (provider, subject);

-- A word of another system is taken once.
CREATE TABLE assertion_seen (
    digest   bytea PRIMARY KEY,
    expires  timestamptz NOT NULL
);

CREATE TABLE passkey (
    id          bytea PRIMARY KEY,
    account     uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    public_key  bytea NOT NULL,
    counter     bigint NOT NULL DEFAULT 0,
    name        text NOT NULL DEFAULT '',
    created     timestamptz NOT NULL DEFAULT now(),
    used        timestamptz
);
CREATE INDEX passkey_account ON passkey (account);

CREATE TABLE organisation (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('commune', 'direction', 'trade', 'partner', 'operator')),
    parent  text NOT NULL DEFAULT '',
    code    text NOT NULL DEFAULT '',
    ended   date
);

-- Where a one-time link goes when the password is forgotten: chosen by the person, for nothing else.
CREATE TABLE recovery_address (
    account  uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    address  text NOT NULL
);
