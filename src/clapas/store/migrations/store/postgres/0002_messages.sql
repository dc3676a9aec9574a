-- Logs, message identities, rejects.
CREATE TABLE log (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    incarnation text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, incarnation)
);

-- Who owns an identity now; "earlier" keeps the owners before each counter reset as
-- log, sequence, own time, one after the other, so that any redelivery still finds its own.
CREATE TABLE message_seen (
    digest bytea PRIMARY KEY,
    log smallint NOT NULL,
    sequence bigint NOT NULL,
    own_time bigint NOT NULL,
    earlier bigint[],
    claimed timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_seen_claimed ON message_seen USING brin (claimed);

CREATE TABLE reject (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log smallint NOT NULL,
    sequence bigint NOT NULL,
    source text NOT NULL,
    reason text NOT NULL,
    received timestamptz NOT NULL,
    device text NOT NULL DEFAULT '',
    detail text NOT NULL DEFAULT '',
    topic text NOT NULL DEFAULT '',
    preview bytea NOT NULL DEFAULT '',
    retried timestamptz,
    UNIQUE (log, sequence)
);
CREATE INDEX reject_waiting ON reject (id DESC) WHERE retried IS NULL;
