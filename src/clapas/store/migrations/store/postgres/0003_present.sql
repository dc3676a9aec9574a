-- Present state, writes through an API, marks of what roll-ups must rebuild.
CREATE TABLE state (
    series integer PRIMARY KEY,
    entity text NOT NULL,
    attribute text NOT NULL,
    value jsonb,
    measured bigint NOT NULL,
    received bigint NOT NULL,
    quality smallint NOT NULL DEFAULT 0,
    log smallint NOT NULL DEFAULT 0,
    sequence bigint NOT NULL DEFAULT 0,
    codec integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX state_entity ON state (entity);

-- Writes through an API that wait to be relayed to ClickHouse and to the observation stream:
-- temporal reads join them, so a write is seen at once. "write" numbers the transactions.
CREATE TABLE tail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    write bigint NOT NULL,
    source text NOT NULL,
    series integer NOT NULL,
    measured bigint NOT NULL,
    value jsonb,
    received bigint NOT NULL,
    quality smallint NOT NULL DEFAULT 0,
    generation bigint NOT NULL
);
CREATE INDEX tail_series ON tail (series, measured);
CREATE SEQUENCE api_write AS bigint;

-- A fence says that values of a series older than its generation are withdrawn, also those that
-- are still on their way; it goes when nothing can be on its way any more.
CREATE TABLE fence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series integer NOT NULL,
    measured_from bigint NOT NULL,
    measured_to bigint NOT NULL,
    generation bigint NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    applied timestamptz
);
CREATE INDEX fence_series ON fence (series);

CREATE SEQUENCE generation AS bigint;

-- series = -1: the whole hour or day.
CREATE TABLE dirty_bucket (
    kind "char" NOT NULL,
    bucket bigint NOT NULL,
    series integer NOT NULL,
    marks bigint NOT NULL DEFAULT 1,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, bucket, series)
) WITH (fillfactor = 70);

CREATE TABLE retention_proof (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    done timestamptz NOT NULL DEFAULT now(),
    kept text NOT NULL,
    dataset text NOT NULL DEFAULT '',
    before timestamptz NOT NULL,
    rows bigint NOT NULL
);
