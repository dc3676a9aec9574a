-- Applications, their subscriptions to datasets, what they used. Owners are accounts.
CREATE TABLE application (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    name         text NOT NULL,
    description  text NOT NULL DEFAULT '',
    owner        uuid NOT NULL,
    organisation text NOT NULL DEFAULT '',
    plan         text NOT NULL,
    communes     text[] NOT NULL DEFAULT '{}',
    networks     text[] NOT NULL DEFAULT '{}',
    state        text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
    created      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX application_owner ON application (owner);

CREATE TABLE subscription (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    application  uuid NOT NULL REFERENCES application ON DELETE CASCADE,
    dataset      text NOT NULL,
    purpose      text NOT NULL,
    state        text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'approved', 'rejected', 'suspended', 'revoked')),
    expires      timestamptz,
    decided_by   text NOT NULL DEFAULT '',
    decided      timestamptz,
    reason       text NOT NULL DEFAULT '',
    created      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX subscription_one ON subscription (application, dataset)
    WHERE state IN ('pending', 'approved', 'suspended');

-- How much of a quota is used: by subject, length of the window (seconds; 0 = calendar month), start.
CREATE TABLE quota_use (
    subject  text NOT NULL,
    length   integer NOT NULL,
    start    bigint NOT NULL,
    used     bigint NOT NULL,
    PRIMARY KEY (subject, length, start)
);
CREATE INDEX quota_use_start ON quota_use (start);

CREATE TABLE usage_day (
    subject  text NOT NULL,
    day      date NOT NULL,
    kind     text NOT NULL,
    status   smallint NOT NULL,
    calls    bigint NOT NULL,
    bytes    bigint NOT NULL,
    PRIMARY KEY (subject, day, kind, status)
);
