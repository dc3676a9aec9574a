-- Water: what is suspected of each meter, what the detector remembers, and, apart, who lives there.
CREATE TABLE water_case (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity     text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('drip', 'leak', 'pipe', 'burst')),
    rate       double precision NOT NULL,
    volume     double precision NOT NULL,
    confidence double precision NOT NULL,
    raised     bigint NOT NULL,
    updated    bigint NOT NULL,
    stopped    bigint,
    state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'asked', 'confirmed', 'false', 'closed')),
    cause      text NOT NULL DEFAULT '',
    actor      text NOT NULL DEFAULT '',
    decided    bigint
);
CREATE UNIQUE INDEX water_case_living ON water_case (entity) WHERE state IN ('open', 'asked', 'confirmed');
CREATE INDEX water_case_raised ON water_case (raised);

CREATE TABLE water_memory (
    name text PRIMARY KEY,
    upto bigint NOT NULL,
    body bytea NOT NULL
);

CREATE SCHEMA water_vault;
COMMENT ON SCHEMA water_vault IS 'Identities of subscribers, sealed; joined to meters by nothing but the entity.';
CREATE TABLE water_vault.subscriber (
    entity    text PRIMARY KEY,
    sealed    bytea NOT NULL,
    language  text NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
    channel   text NOT NULL DEFAULT 'letter' CHECK (channel IN ('mail', 'sms', 'letter')),
    threshold double precision NOT NULL DEFAULT 0,
    away_from bigint,
    away_to   bigint,
    stop      bytea NOT NULL UNIQUE,
    stopped   bigint,
    consents  jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE water_vault.message (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity  text NOT NULL,
    water_case bigint,
    kind    text NOT NULL CHECK (kind IN ('first', 'reminder', 'holiday')),
    channel text NOT NULL,
    at      bigint NOT NULL
);
CREATE UNIQUE INDEX message_once ON water_vault.message (water_case, kind) WHERE water_case IS NOT NULL;
CREATE INDEX message_entity ON water_vault.message (entity, at);
