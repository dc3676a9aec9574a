-- Devices, models, codec scripts, bindings, gateways, entities, series.
CREATE TABLE model (
    id text PRIMARY KEY,
    label text NOT NULL,
    maker text NOT NULL DEFAULT '',
    codec_kind text NOT NULL DEFAULT 'none',
    codec_name text NOT NULL DEFAULT '',
    codec_mode text NOT NULL DEFAULT 'ttn',
    codec_version integer NOT NULL DEFAULT 0,
    interval_s integer,
    quantities jsonb NOT NULL DEFAULT '{}',
    units jsonb NOT NULL DEFAULT '{}',
    settings jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE codec_script (
    name text NOT NULL,
    version integer NOT NULL,
    mode text NOT NULL DEFAULT 'ttn',
    script text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

CREATE TABLE device (
    id uuid PRIMARY KEY,
    key text NOT NULL UNIQUE,
    source text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    name text NOT NULL DEFAULT '',
    lifecycle text NOT NULL DEFAULT 'active'
        CHECK (lifecycle IN ('proposed', 'stock', 'to_install', 'active', 'maintenance', 'retired')),
    longitude double precision,
    latitude double precision,
    commune text NOT NULL DEFAULT '',
    owner text NOT NULL DEFAULT '',
    tags jsonb NOT NULL DEFAULT '{}',
    dataset text NOT NULL DEFAULT '',
    simulated boolean NOT NULL DEFAULT false,
    search text NOT NULL DEFAULT '',
    created timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX device_model ON device (model);
CREATE INDEX device_lifecycle ON device (lifecycle, key) WHERE lifecycle <> 'active';

-- What each batch changes stays apart from the registry, so that hearing a device invalidates nothing.
CREATE TABLE device_seen (
    device uuid PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    received timestamptz NOT NULL,
    rssi real,
    snr real,
    gateway text NOT NULL DEFAULT '',
    battery_level real
) WITH (fillfactor = 70);

CREATE TABLE binding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device uuid NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    channel text NOT NULL,
    entity text NOT NULL,
    attribute text NOT NULL,
    quantity text NOT NULL DEFAULT '',
    scale double precision NOT NULL DEFAULT 1,
    "offset" double precision NOT NULL DEFAULT 0,
    valid_from timestamptz,
    valid_to timestamptz
);
CREATE INDEX binding_device ON binding (device);
CREATE INDEX binding_entity ON binding (entity);

CREATE TABLE gateway (
    id text PRIMARY KEY,
    name text NOT NULL DEFAULT '',
    longitude double precision,
    latitude double precision,
    last_seen timestamptz
);

CREATE TABLE entity (
    id text PRIMARY KEY,
    type text NOT NULL,
    name text NOT NULL DEFAULT '',
    longitude double precision,
    latitude double precision,
    geometry jsonb,
    commune text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    simulated boolean NOT NULL DEFAULT false,
    relations jsonb NOT NULL DEFAULT '{}',
    search text NOT NULL DEFAULT '',
    headline integer,
    created timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entity_type ON entity (type, id);
CREATE INDEX entity_commune ON entity (commune, id);
CREATE INDEX entity_place ON entity USING gist (point(longitude, latitude))
    WHERE longitude IS NOT NULL AND latitude IS NOT NULL;

CREATE TABLE series (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL DEFAULT '',
    entity text NOT NULL,
    attribute text NOT NULL,
    dataset_id text NOT NULL DEFAULT '',
    quantity text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    rank smallint NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now(),
    UNIQUE (entity, attribute, dataset_id, tenant)
);
CREATE INDEX series_quantity ON series (quantity);

-- A trigram index makes searches inside names quick; without the extension they only take longer.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX entity_search ON entity USING gin (search gin_trgm_ops);
        CREATE INDEX device_search ON device USING gin (search gin_trgm_ops);
    END IF;
END
$$;
