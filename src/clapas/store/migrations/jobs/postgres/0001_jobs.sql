-- Work that takes long: one queue in the database, taken by one worker at a time, with its progress.
CREATE TABLE job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL DEFAULT '',
    args jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    done integer NOT NULL DEFAULT 0,
    total integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    result jsonb NOT NULL DEFAULT '{}',
    error text NOT NULL DEFAULT '',
    attempts smallint NOT NULL DEFAULT 0,
    stopping boolean NOT NULL DEFAULT false,
    actor text NOT NULL DEFAULT '',
    created timestamptz NOT NULL DEFAULT now(),
    started timestamptz,
    beat timestamptz,
    finished timestamptz
);
CREATE INDEX job_open ON job (id) WHERE state IN ('queued', 'running');
CREATE INDEX job_kind ON job (kind, id DESC);

-- What became of each thing that a job worked on.
CREATE TABLE job_item (
    job bigint NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    key text NOT NULL,
    ok boolean NOT NULL,
    detail text NOT NULL DEFAULT '',
    PRIMARY KEY (job, key)
);
