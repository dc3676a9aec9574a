-- name: models
-- Models by id.
SELECT id, label, maker, codec_kind, codec_name, codec_mode, codec_version, interval_s,
       quantities, units, settings
FROM model WHERE %(id)s = '' OR id = %(id)s ORDER BY id

-- name: save
-- Create or replace models by id.
INSERT INTO model AS m (id, label, maker, codec_kind, codec_name, codec_mode, codec_version,
                        interval_s, quantities, units, settings)
SELECT id, label, maker, codec_kind, codec_name, codec_mode, codec_version, interval_s,
       quantities, units, settings
FROM json_to_recordset(%(models)s::json)
    AS n (id text, label text, maker text, codec_kind text, codec_name text, codec_mode text,
          codec_version integer, interval_s integer, quantities jsonb, units jsonb, settings jsonb)
ORDER BY id
ON CONFLICT (id) DO UPDATE
SET label = excluded.label, maker = excluded.maker, codec_kind = excluded.codec_kind,
    codec_name = excluded.codec_name, codec_mode = excluded.codec_mode,
    codec_version = excluded.codec_version, interval_s = excluded.interval_s,
    quantities = excluded.quantities, units = excluded.units, settings = excluded.settings
WHERE (m.label, m.maker, m.codec_kind, m.codec_name, m.codec_mode, m.codec_version, m.interval_s,
       m.quantities, m.units, m.settings)
   IS DISTINCT FROM
      (excluded.label, excluded.maker, excluded.codec_kind, excluded.codec_name,
       excluded.codec_mode, excluded.codec_version, excluded.interval_s,
       excluded.quantities, excluded.units, excluded.settings)

-- name: save_script
-- An unchanged text keeps its version, a new one gets the next.
WITH last AS (
    SELECT version, script, mode FROM codec_script WHERE name = %(name)s
    ORDER BY version DESC LIMIT 1
),
made AS (
    INSERT INTO codec_script (name, version, mode, script)
    SELECT %(name)s, coalesce((SELECT version FROM last), 0) + 1, %(mode)s, %(script)s
    WHERE NOT EXISTS (SELECT FROM last WHERE script = %(script)s AND mode = %(mode)s)
    RETURNING version
)
SELECT version FROM made UNION ALL
SELECT version FROM last WHERE NOT EXISTS (SELECT FROM made)

-- name: script
-- The text of one version.
SELECT script FROM codec_script WHERE name = %(name)s AND version = %(version)s

-- name: save_gateways
-- Create or refresh gateways; an empty field keeps what was known.
INSERT INTO gateway AS g (id, name, longitude, latitude, last_seen)
SELECT id, name, longitude, latitude, last_seen
FROM json_to_recordset(%(gateways)s::json)
    AS n (id text, name text, longitude double precision, latitude double precision,
          last_seen timestamptz)
ORDER BY id
ON CONFLICT (id) DO UPDATE
SET name = CASE WHEN excluded.name = '' THEN g.name ELSE excluded.name END,
    longitude = coalesce(excluded.longitude, g.longitude),
    latitude = coalesce(excluded.latitude, g.latitude),
    last_seen = greatest(excluded.last_seen, g.last_seen)

-- name: gateways
-- Gateways by id; one of another network server was last heard when a device was last heard through it.
SELECT g.id, g.name, g.longitude, g.latitude, greatest(g.last_seen, s.received)
FROM gateway AS g
LEFT JOIN (
    SELECT gateway, max(received) AS received FROM device_seen WHERE gateway <> '' GROUP BY gateway
) AS s ON s.gateway = g.id
ORDER BY g.id LIMIT 10000
