-- Consents, objections, requests of persons, proofs of deletion, reorganisations; identities apart.
CREATE TABLE consent (
    id         uuid PRIMARY KEY DEFAULT uuidv7(),
    subject    text NOT NULL,
    dataset    text NOT NULL,
    purpose    text NOT NULL,
    evidence   text NOT NULL DEFAULT '',
    author     text NOT NULL,
    given      timestamptz NOT NULL DEFAULT now(),
    withdrawn  timestamptz
);
CREATE UNIQUE INDEX consent_live ON consent (dataset, purpose, subject) WHERE withdrawn IS NULL;
CREATE INDEX consent_subject ON consent (subject);

CREATE TABLE objection (
    id         uuid PRIMARY KEY DEFAULT uuidv7(),
    subject    text NOT NULL,
    dataset    text NOT NULL,
    purpose    text NOT NULL DEFAULT '',
    reason     text NOT NULL DEFAULT '',
    author     text NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),
    withdrawn  timestamptz
);
CREATE UNIQUE INDEX objection_live ON objection (dataset, purpose, subject) WHERE withdrawn IS NULL;
CREATE INDEX objection_subject ON objection (subject);

-- The subject of an erasure is forgotten with the rest: only its HMAC stays.
CREATE TABLE privacy_request (
    id         uuid PRIMARY KEY DEFAULT uuidv7(),
    kind       text NOT NULL CHECK (kind IN ('access', 'erasure')),
    subject    text NOT NULL,
    proof      bytea NOT NULL,
    reference  text NOT NULL DEFAULT '',
    author     text NOT NULL,
    asked      timestamptz NOT NULL DEFAULT now(),
    due        date NOT NULL,
    job        bigint,
    done       timestamptz,
    body       bytea
);

CREATE TABLE deletion_proof (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    done     timestamptz NOT NULL DEFAULT now(),
    why      text NOT NULL CHECK (why IN ('retention', 'erasure')),
    dataset  text NOT NULL DEFAULT '',
    subject  bytea NOT NULL DEFAULT '',
    kept     text NOT NULL,
    before   timestamptz,
    rows     bigint NOT NULL,
    digest   text NOT NULL
);
CREATE TRIGGER deletion_proof_kept BEFORE UPDATE OR DELETE ON deletion_proof
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE reorganisation (
    id       uuid PRIMARY KEY DEFAULT uuidv7(),
    at       date NOT NULL,
    plan     jsonb NOT NULL,
    effect   jsonb NOT NULL,
    author   text NOT NULL,
    approver text NOT NULL DEFAULT '',
    created  timestamptz NOT NULL DEFAULT now(),
    state    text NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'approved', 'applied', 'cancelled', 'failed')),
    detail   text NOT NULL DEFAULT ''
);

-- Who a pseudonym is, sealed under a key that is not in the database, in a schema of its own.
CREATE SCHEMA IF NOT EXISTS vault;
CREATE TABLE vault.person (
    pseudonym  text PRIMARY KEY,
    sealed     bytea NOT NULL,
    author     text NOT NULL,
    created    timestamptz NOT NULL DEFAULT now()
);
