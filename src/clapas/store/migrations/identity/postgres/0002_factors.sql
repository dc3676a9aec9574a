-- The second factor of an account, and rights given for a short time by two persons.
ALTER TABLE session ADD COLUMN mfa boolean NOT NULL DEFAULT false;

CREATE TABLE factor (
    account    uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    secret     bytea NOT NULL,
    confirmed  boolean NOT NULL DEFAULT false,
    last_step  bigint NOT NULL DEFAULT 0,
    recovery   bytea[] NOT NULL DEFAULT '{}'
);

CREATE TABLE break_glass (
    id        uuid PRIMARY KEY DEFAULT uuidv7(),
    account   uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    role      text NOT NULL,
    reason    text NOT NULL,
    asked     timestamptz NOT NULL,
    seconds   integer NOT NULL CHECK (seconds BETWEEN 60 AND 14400),
    approver  uuid REFERENCES account CHECK (approver <> account),
    until     timestamptz,
    ended     timestamptz
);
CREATE INDEX break_glass_account ON break_glass (account, until);
