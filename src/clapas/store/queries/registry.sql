-- name: resolve
-- Devices with model, script and bindings, all that decoding needs.
SELECT d.id, d.key, d.source, d.model, d.name, d.lifecycle, d.longitude, d.latitude, d.commune,
       d.owner, d.tags, d.created,
       m.id, m.label, m.maker, m.codec_kind, m.codec_name, m.codec_mode, m.codec_version,
       m.interval_s, m.quantities, m.units, m.settings,
       coalesce(c.script, ''),
       (SELECT json_agg(json_build_array(b.channel, b.entity, b.attribute, b.quantity, b.scale,
                                         b."offset", b.valid_from, b.valid_to) ORDER BY b.id)::text
        FROM binding b WHERE b.device = d.id)
FROM device d
LEFT JOIN model m ON m.id = d.model
LEFT JOIN codec_script c ON c.name = m.codec_name AND c.version = m.codec_version
    AND m.codec_kind = 'javascript'
WHERE d.key = ANY(%(keys)s)

-- name: touch
-- Devices were heard; the newest reception wins.
INSERT INTO device_seen AS s (device, received, rssi, snr, gateway, battery_level)
SELECT d.id, to_timestamp(t.received / 1000.0), t.rssi, t.snr, coalesce(t.gateway, ''), t.battery_level
FROM json_to_recordset(%(seen)s::json)
    AS t (key text, received bigint, rssi real, snr real, gateway text, battery_level real)
JOIN device d ON d.key = t.key
ORDER BY d.id
ON CONFLICT (device) DO UPDATE
SET received = excluded.received,
    rssi = coalesce(excluded.rssi, s.rssi),
    snr = coalesce(excluded.snr, s.snr),
    gateway = CASE WHEN excluded.gateway = '' THEN s.gateway ELSE excluded.gateway END,
    battery_level = coalesce(excluded.battery_level, s.battery_level)
WHERE excluded.received >= s.received

-- name: propose
-- Unknown devices wait as proposed; known ones are left alone.
INSERT INTO device (id, key, source, model, name, lifecycle, tags, search)
SELECT id, key, source, model, name, 'proposed',
       CASE WHEN profile = '' THEN '{}'::jsonb ELSE jsonb_build_object('profile', profile) END, search
FROM json_to_recordset(%(devices)s::json)
    AS p (id uuid, key text, source text, profile text, name text, model text, search text)
ORDER BY key
ON CONFLICT (key) DO NOTHING

-- name: save
-- Create or replace devices by key; the first id of a key stays.
INSERT INTO device AS d (id, key, source, model, name, lifecycle, longitude, latitude, commune, owner,
                         tags, simulated, search, created)
SELECT id, key, source, model, name, lifecycle, longitude, latitude, commune, owner, tags,
       %(simulated)s, search, coalesce(created, now())
FROM json_to_recordset(%(devices)s::json)
    AS n (id uuid, key text, source text, model text, name text, lifecycle text,
          longitude double precision, latitude double precision, commune text, owner text,
          tags jsonb, search text, created timestamptz)
ORDER BY key
ON CONFLICT (key) DO UPDATE
SET source = excluded.source, model = excluded.model, name = excluded.name,
    lifecycle = excluded.lifecycle, longitude = excluded.longitude, latitude = excluded.latitude,
    commune = excluded.commune, owner = excluded.owner, tags = excluded.tags,
    simulated = excluded.simulated,
    search = excluded.search || coalesce(chr(31) || nullif(split_part(d.search, chr(31), 2), ''), '')

-- name: remove
-- Remove devices with their bindings.
DELETE FROM device WHERE key = ANY(%(keys)s)

-- name: devices
-- A page of devices by key.
SELECT d.id, d.key, d.source, d.model, d.name, d.lifecycle, d.longitude, d.latitude, d.commune,
       d.owner, d.tags, d.created, s.received, s.rssi, s.snr, coalesce(s.gateway, ''),
       s.battery_level, m.interval_s, d.simulated, coalesce(m.label, '')
FROM device d
LEFT JOIN device_seen s ON s.device = d.id
LEFT JOIN model m ON m.id = d.model
WHERE d.key > %(after)s
  AND (%(q)s = '' OR d.search LIKE %(pattern)s)
  AND (%(source)s = '' OR d.source = %(source)s)
  AND (%(model)s = '' OR d.model = %(model)s)
  AND (%(lifecycle)s = '' OR d.lifecycle = %(lifecycle)s)
  AND (%(commune)s = '' OR d.commune = %(commune)s)
  AND (%(key)s = '' OR d.key = %(key)s)
  AND /*rows d.dataset, d.commune*/
ORDER BY d.key
LIMIT %(limit)s

-- name: may_place
-- One row when a device, new or known, may be in a commune.
SELECT 1 FROM (
    SELECT coalesce((SELECT d.dataset FROM device d WHERE d.key = %(key)s), '') AS dataset, %(commune)s::text AS commune
) AS wanted
WHERE /*rows wanted.dataset, wanted.commune*/

-- name: freshness
-- How fresh the active fleet is: late after two expected intervals, silent after five.
SELECT count(*),
       count(*) FILTER (WHERE age <= 3600),
       count(*) FILTER (WHERE age > 2 * expected AND age <= 5 * expected),
       count(*) FILTER (WHERE age > 5 * expected),
       count(*) FILTER (WHERE age IS NULL)
FROM (
    SELECT extract(epoch FROM %(now)s::timestamptz - s.received) AS age,
           coalesce(m.interval_s, 86400) AS expected
    FROM device d
    LEFT JOIN device_seen s ON s.device = d.id
    LEFT JOIN model m ON m.id = d.model
    WHERE d.lifecycle = 'active'
      AND /*rows d.dataset, d.commune*/
) AS fleet

-- name: bind
-- Replace a device's bindings.
WITH target AS (SELECT id FROM device WHERE key = %(key)s),
gone AS (DELETE FROM binding WHERE device = (SELECT id FROM target))
INSERT INTO binding (device, channel, entity, attribute, quantity, scale, "offset", valid_from, valid_to)
SELECT target.id, b.channel, b.entity, b.attribute, b.quantity, b.scale, b."offset", b."start", b."end"
FROM target, json_to_recordset(%(bindings)s::json)
    AS b (channel text, entity text, attribute text, quantity text, scale double precision,
          "offset" double precision, "start" timestamptz, "end" timestamptz)

-- name: has_device
-- Is there such a device?
SELECT id FROM device WHERE key = %(key)s

-- name: bindings_of
-- Who measures an entity.
SELECT d.key, b.channel, b.entity, b.attribute, b.quantity, b.scale, b."offset", b.valid_from, b.valid_to
FROM binding b JOIN device d ON d.id = b.device
WHERE b.entity = %(entity)s
ORDER BY b.attribute, b.id
