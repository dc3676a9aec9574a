-- Codes by which new devices let themselves in; only the proof of a code is kept.
CREATE TABLE device_claim (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    proof bytea NOT NULL UNIQUE,
    label text NOT NULL DEFAULT '',
    device text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    lifecycle text NOT NULL DEFAULT 'proposed' CHECK (lifecycle IN ('proposed', 'to_install', 'active')),
    tags jsonb NOT NULL DEFAULT '{}',
    uses integer NOT NULL DEFAULT 1 CHECK (uses BETWEEN 1 AND 100000),
    expires timestamptz NOT NULL,
    revoked timestamptz,
    actor text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE device_claimed (
    claim bigint NOT NULL REFERENCES device_claim (id) ON DELETE CASCADE,
    device text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (claim, device)
);

-- Running beside the platform that is in place: which devices, what was compared day by day.
CREATE TABLE shadow (
    name text PRIMARY KEY,
    label text NOT NULL DEFAULT '',
    query jsonb NOT NULL,
    rules jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'cut_over', 'left')),
    actor text NOT NULL,
    started timestamptz NOT NULL DEFAULT now(),
    ended timestamptz,
    ended_by text NOT NULL DEFAULT ''
);
CREATE TABLE shadow_day (
    shadow text NOT NULL REFERENCES shadow (name) ON DELETE CASCADE,
    day date NOT NULL,
    report jsonb NOT NULL,
    compared timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shadow, day)
);

-- A list filtered by commune, source or tag does not read the whole fleet. What was heard has no index: it
-- changes with each message.
CREATE INDEX device_commune ON device (commune, key);
CREATE INDEX device_source ON device (source, key);
CREATE INDEX device_tags ON device USING gin (tags);
