-- Who may sign in, with which keys: never a secret, only what proves one.

CREATE TABLE account (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    login         text NOT NULL,
    name          text NOT NULL DEFAULT '',
    password      text NOT NULL DEFAULT '',
    must_set      boolean NOT NULL DEFAULT false,
    roles         text[] NOT NULL DEFAULT '{}',
    organisation  text NOT NULL DEFAULT '',
    service       text NOT NULL DEFAULT '',
    communes      text[] NOT NULL DEFAULT '{}',
    purposes      text[] NOT NULL DEFAULT '{}',
    language      text NOT NULL DEFAULT 'fr',
    enabled       boolean NOT NULL DEFAULT true,
    created       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX account_login ON account (lower(login));

CREATE TABLE session (
    id       uuid PRIMARY KEY DEFAULT uuidv7(),
    proof    bytea NOT NULL UNIQUE,
    account  uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    created  timestamptz NOT NULL,
    seen     timestamptz NOT NULL,
    expires  timestamptz NOT NULL,
    address  text NOT NULL DEFAULT '',
    agent    text NOT NULL DEFAULT ''
);
CREATE INDEX session_account ON session (account);
CREATE INDEX session_expires ON session (expires);

CREATE TABLE one_time (
    proof    bytea PRIMARY KEY,
    account  uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    expires  timestamptz NOT NULL
);

CREATE TABLE sign_in_failure (
    subject   bytea PRIMARY KEY,
    failures  integer NOT NULL,
    last      timestamptz NOT NULL,
    until     timestamptz NOT NULL
);
CREATE INDEX sign_in_failure_last ON sign_in_failure (last);

CREATE TABLE service_key (
    id         text PRIMARY KEY,
    proof      bytea NOT NULL,
    name       text NOT NULL,
    owner      uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    scopes     text[] NOT NULL,
    communes   text[] NOT NULL DEFAULT '{}',
    created    timestamptz NOT NULL DEFAULT now(),
    expires    timestamptz NOT NULL,
    last_used  date,
    replaces   text NOT NULL DEFAULT '',
    revoked    timestamptz
);
CREATE INDEX service_key_owner ON service_key (owner);

CREATE TABLE device_credential (
    proof    bytea PRIMARY KEY,
    device   text NOT NULL,
    created  timestamptz NOT NULL DEFAULT now(),
    expires  timestamptz
);
CREATE INDEX device_credential_device ON device_credential (device);
