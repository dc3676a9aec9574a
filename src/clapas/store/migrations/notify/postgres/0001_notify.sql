-- Who is told, by which channel, when; what was told and whether it arrived.
CREATE TABLE contact (
    person text PRIMARY KEY,
    language text NOT NULL DEFAULT 'fr',
    body jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE notify_plan (
    kind text NOT NULL CHECK (kind IN ('chain', 'calendar')),
    id text NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE notice (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm bigint,
    kind text NOT NULL DEFAULT 'raised',
    step integer NOT NULL DEFAULT 0,
    person text NOT NULL DEFAULT '',
    channel text NOT NULL,
    address text NOT NULL DEFAULT '',
    subject text NOT NULL,
    body text NOT NULL DEFAULT '',
    link text NOT NULL DEFAULT '',
    created bigint NOT NULL,
    due bigint NOT NULL,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sent', 'failed', 'cancelled', 'digested')),
    attempts integer NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',
    sent bigint,
    read bigint,
    digest boolean NOT NULL DEFAULT false
);
CREATE INDEX notice_due ON notice (channel, due) WHERE state = 'queued';
CREATE INDEX notice_alarm ON notice (alarm);
CREATE INDEX notice_inbox ON notice (person, id DESC) WHERE channel = 'inbox';
CREATE INDEX notice_quota ON notice (person, created);
