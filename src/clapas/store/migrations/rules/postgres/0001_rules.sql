-- Rules and their revisions, the engine's memory, alarms with their timeline, times of silence.
CREATE TABLE rule (
    id text PRIMARY KEY,
    revision integer NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    owner text NOT NULL DEFAULT '',
    body jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE rule_revision (
    rule text NOT NULL,
    revision integer NOT NULL,
    body jsonb NOT NULL,
    who text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rule, revision)
);

CREATE TABLE rule_track (
    series integer PRIMARY KEY,
    state bytea NOT NULL,
    deadline bigint
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE rule_track ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE alarm (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    entity text NOT NULL,
    severity text NOT NULL
        CHECK (severity IN ('critical', 'major', 'minor', 'warning', 'indeterminate')),
    title text NOT NULL DEFAULT '',
    trade text NOT NULL DEFAULT '',
    commune text NOT NULL DEFAULT '',
    active boolean NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    raised bigint NOT NULL,
    count integer NOT NULL DEFAULT 1,
    cleared bigint,
    acknowledged bigint,
    acknowledged_by text NOT NULL DEFAULT '',
    assignee text NOT NULL DEFAULT '',
    verdict text NOT NULL DEFAULT '' CHECK (verdict IN ('', 'confirmed', 'false')),
    closed bigint,
    series integer,
    measured bigint,
    value double precision,
    message jsonb NOT NULL DEFAULT '{}',
    parents text[] NOT NULL DEFAULT '{}',
    masked text NOT NULL DEFAULT '',
    flapping boolean NOT NULL DEFAULT false,
    public boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX alarm_open ON alarm (rule, entity) WHERE closed IS NULL;
CREATE INDEX alarm_recent ON alarm (raised DESC, id DESC);
CREATE INDEX alarm_entity ON alarm (entity, raised DESC);
CREATE INDEX alarm_parents ON alarm USING gin (parents) WHERE closed IS NULL;

CREATE TABLE alarm_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm bigint NOT NULL REFERENCES alarm (id) ON DELETE CASCADE,
    at bigint NOT NULL,
    kind text NOT NULL,
    who text NOT NULL DEFAULT '',
    values jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX alarm_event_alarm ON alarm_event (alarm, id);

CREATE TABLE alarm_silence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('silence', 'maintenance')),
    rule text NOT NULL DEFAULT '',
    entity text NOT NULL DEFAULT '',
    commune text NOT NULL DEFAULT '',
    start bigint NOT NULL,
    "end" bigint NOT NULL CHECK ("end" > start),
    reason text NOT NULL DEFAULT '',
    who text NOT NULL DEFAULT ''
);

CREATE FUNCTION clapas_tell_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('clapas_rules', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER rule_changed AFTER INSERT OR UPDATE OR DELETE ON rule
    FOR EACH STATEMENT EXECUTE FUNCTION clapas_tell_rules();
