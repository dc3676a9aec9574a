-- The NGSI-LD broker: entities, their evolution, subscriptions with their ledger, registrations, @contexts.
CREATE TABLE ngsild_tenant (
    name text PRIMARY KEY,
    created timestamptz NOT NULL DEFAULT now()
);

-- doc: {"@id", "@type": [IRI], "@scope": [...], "@created", "@modified", "@expires", IRI: [instances]}.
CREATE TABLE ngsild_entity (
    tenant text NOT NULL,
    id text NOT NULL,
    doc jsonb NOT NULL,
    dataset text NOT NULL DEFAULT '',
    commune text NOT NULL DEFAULT '',
    expires timestamptz,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);
CREATE INDEX ngsild_entity_doc ON ngsild_entity USING gin (doc jsonb_path_ops) WITH (fastupdate = on);
CREATE INDEX ngsild_entity_expires ON ngsild_entity (expires) WHERE expires IS NOT NULL;

-- What an entity was over time: its head, and one row for each instance of each attribute.
CREATE TABLE ngsild_evolution (
    tenant text NOT NULL,
    id text NOT NULL,
    doc jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE TABLE ngsild_instance (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    entity text NOT NULL,
    attribute text NOT NULL,
    dataset text NOT NULL DEFAULT '',
    instance text NOT NULL,
    observed timestamptz,
    created timestamptz NOT NULL,
    modified timestamptz NOT NULL,
    deleted timestamptz,
    number double precision,
    doc jsonb NOT NULL
);
CREATE INDEX ngsild_instance_of ON ngsild_instance (tenant, entity, attribute, observed);

-- What changed, for whoever subscribed; written in the same transaction, taken by the notifier.
CREATE TABLE ngsild_event (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    entity text NOT NULL,
    body jsonb NOT NULL
);

CREATE TABLE ngsild_subscription (
    tenant text NOT NULL,
    id text NOT NULL,
    kind "char" NOT NULL DEFAULT 'e',
    body jsonb NOT NULL,
    state jsonb NOT NULL DEFAULT '{}',
    place bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, kind, id)
);

-- The ledger of deliveries: what, to whom, when, with what result.
CREATE TABLE ngsild_delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    kind "char" NOT NULL DEFAULT 'e',
    subscription text NOT NULL,
    endpoint text NOT NULL,
    headers jsonb NOT NULL,
    body jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    due timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    done timestamptz,
    result text NOT NULL DEFAULT ''
);
CREATE INDEX ngsild_delivery_due ON ngsild_delivery (due) WHERE done IS NULL;
CREATE INDEX ngsild_delivery_of ON ngsild_delivery (tenant, subscription, id);

CREATE TABLE ngsild_registration (
    tenant text NOT NULL,
    id text NOT NULL,
    body jsonb NOT NULL,
    expires timestamptz,
    place bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE ngsild_context (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('Hosted', 'Cached', 'ImplicitlyCreated')),
    url text NOT NULL DEFAULT '',
    body jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    last_used timestamptz,
    hits bigint NOT NULL DEFAULT 0,
    place bigint GENERATED ALWAYS AS IDENTITY
);
CREATE UNIQUE INDEX ngsild_context_url ON ngsild_context (url) WHERE kind = 'Cached';

CREATE TABLE ngsild_map (
    tenant text NOT NULL,
    id text NOT NULL,
    body jsonb NOT NULL,
    expires timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE ngsild_snapshot (
    tenant text NOT NULL,
    id text NOT NULL,
    body jsonb NOT NULL,
    expires timestamptz,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE ngsild_kept (
    name text PRIMARY KEY,
    value text NOT NULL
);

-- The platform's quantities: UN/CEFACT code of each, refreshed at start.
CREATE TABLE ngsild_unit (
    quantity text PRIMARY KEY,
    code text NOT NULL
);

CREATE FUNCTION ngsild_time(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION ngsild_iri(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN name LIKE '%:%' THEN name ELSE 'https://uri.etsi.org/ngsi-ld/default-context/' || name END
$$;

CREATE FUNCTION ngsild_measured(ms bigint) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(to_timestamp(ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The platform's own entities in the same form: present values with observedAt, unitCode, observedBy.
CREATE VIEW ngsild_platform AS
SELECT e.id, e.dataset, e.commune,
    jsonb_build_object('@id', e.id, '@type', jsonb_build_array(ngsild_iri(e.type)),
                       '@created', ngsild_time(e.created), '@modified', ngsild_time(e.changed))
    || CASE WHEN e.name = '' THEN '{}'::jsonb ELSE jsonb_build_object(
        'https://uri.etsi.org/ngsi-ld/default-context/name', jsonb_build_array(jsonb_build_object(
            'type', 'Property', 'value', e.name, 'series', 0,
            'createdAt', ngsild_time(e.created), 'modifiedAt', ngsild_time(e.changed)))) END
    || CASE WHEN e.geometry IS NULL AND e.longitude IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
        'https://uri.etsi.org/ngsi-ld/location', jsonb_build_array(jsonb_build_object(
            'type', 'GeoProperty', 'series', 0,
            'value', coalesce(nullif(e.geometry, 'null'::jsonb), jsonb_build_object(
                'type', 'Point', 'coordinates', jsonb_build_array(e.longitude, e.latitude))),
            'createdAt', ngsild_time(e.created), 'modifiedAt', ngsild_time(e.changed)))) END
    || coalesce((
        SELECT jsonb_object_agg(ngsild_iri(r.key), jsonb_build_array(jsonb_build_object(
            'type', 'Relationship', 'object', r.value, 'series', 0,
            'createdAt', ngsild_time(e.created), 'modifiedAt', ngsild_time(e.changed))))
        FROM jsonb_each_text(e.relations) r), '{}'::jsonb)
    || coalesce((
        SELECT jsonb_object_agg(ngsild_iri(a.attribute), a.instances)
        FROM (
            SELECT t.attribute, jsonb_agg(
                jsonb_build_object('type', CASE WHEN jsonb_typeof(t.value) = 'object' AND t.value ? 'coordinates'
                                               THEN 'GeoProperty' ELSE 'Property' END,
                    'value', t.value, 'series', t.series,
                    'observedAt', ngsild_measured(t.measured),
                    'createdAt', ngsild_time(s.created), 'modifiedAt', ngsild_measured(t.received))
                || CASE WHEN u.code IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('unitCode', u.code) END
                || CASE WHEN s.dataset_id = '' THEN '{}'::jsonb ELSE jsonb_build_object('datasetId', s.dataset_id) END
                || CASE WHEN d.key IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
                    'https://uri.etsi.org/ngsi-ld/default-context/observedBy', jsonb_build_array(jsonb_build_object(
                        'type', 'Relationship', 'object', 'urn:ngsi-ld:Device:' || d.key,
                        'createdAt', ngsild_time(s.created), 'modifiedAt', ngsild_time(s.created)))) END
                ORDER BY s.dataset_id) AS instances
            FROM state t
            JOIN series s ON s.id = t.series AND s.tenant = ''
            LEFT JOIN ngsild_unit u ON u.quantity = s.quantity
            LEFT JOIN LATERAL (
                SELECT device.key FROM binding JOIN device ON device.id = binding.device
                WHERE binding.entity = t.entity AND binding.attribute = t.attribute
                  AND binding.valid_to IS NULL LIMIT 1) d ON true
            WHERE t.entity = e.id AND t.value IS NOT NULL
            GROUP BY t.attribute) a), '{}'::jsonb) AS doc
FROM entity e;

CREATE VIEW ngsild_present AS
SELECT n.tenant, n.id, n.dataset, n.commune, n.doc, n.expires FROM ngsild_entity n
WHERE n.tenant <> '' OR NOT EXISTS (SELECT FROM entity e WHERE e.id = n.id)
UNION ALL
SELECT '', p.id, p.dataset, p.commune,
       coalesce(n.doc, '{}'::jsonb) || p.doc, n.expires
FROM ngsild_platform p LEFT JOIN ngsild_entity n ON n.tenant = '' AND n.id = p.id;
