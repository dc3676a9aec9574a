-- part: chosen
((cardinality(%(keys)s::text[]) = 0 OR d.key = ANY(%(keys)s))
      AND (%(q)s = '' OR d.search LIKE %(pattern)s)
      AND (%(also)s = '' OR d.search LIKE %(also)s)
      AND (%(source)s = '' OR d.source = %(source)s)
      AND (%(model)s = '' OR d.model = %(model)s)
      AND (%(lifecycle)s = '' OR d.lifecycle = %(lifecycle)s)
      AND (%(commune)s = '' OR d.commune = %(commune)s)
      AND (%(service)s = '' OR EXISTS (
            SELECT FROM device_file o WHERE o.device = d.id AND o.service = %(service)s))
      AND (%(gateway)s = '' OR s.gateway = %(gateway)s)
      AND (%(tag)s = '' OR d.tags ? %(tag)s)
      AND (%(state)s = '' OR %(state)s = CASE
            WHEN s.received IS NULL THEN 'never'
            WHEN s.received < %(now)s - 5 * make_interval(secs => coalesce(m.interval_s, 3600)) THEN 'silent'
            WHEN s.received < %(now)s - 2 * make_interval(secs => coalesce(m.interval_s, 3600)) THEN 'late'
            ELSE 'online' END)
      AND /*rows d.dataset, d.commune*/)

-- name: select
-- A page of devices by key, with how they are and who pays for them.
SELECT d.id, d.key, d.source, d.model, d.name, d.lifecycle, d.longitude, d.latitude, d.commune,
       d.owner, d.tags, d.created, s.received, s.rssi, s.snr, coalesce(s.gateway, ''), s.battery_level,
       m.interval_s, d.simulated, coalesce(m.label, ''),
       coalesce(f.serial, ''), coalesce(f.address, ''), coalesce(f.site, ''), coalesce(f.service, ''),
       coalesce(f.supplier, ''), coalesce(f.contract, ''), f.bought, f.warranty,
       f.yearly_cost::double precision, coalesce(f.note, ''), coalesce(f.join_eui, ''),
       h.battery_end, h.loss, h.drift_s, coalesce(h.frozen, ''), h.implausible
FROM (
    SELECT d.id FROM device d
    LEFT JOIN device_seen s ON s.device = d.id
    LEFT JOIN model m ON m.id = d.model
    WHERE d.key > %(after)s AND /*part chosen*/
    ORDER BY d.key
    LIMIT %(limit)s
) AS chosen
JOIN device d ON d.id = chosen.id
LEFT JOIN device_seen s ON s.device = d.id
LEFT JOIN model m ON m.id = d.model
LEFT JOIN device_file f ON f.device = d.id
LEFT JOIN device_health h ON h.device = d.id
ORDER BY d.key

-- name: keys
-- The keys of the devices that a query chooses.
SELECT d.key
FROM device d
LEFT JOIN device_seen s ON s.device = d.id
LEFT JOIN model m ON m.id = d.model
WHERE /*part chosen*/
ORDER BY d.key
LIMIT %(limit)s

-- name: count
-- How many devices a query chooses, by state.
SELECT CASE
           WHEN s.received IS NULL THEN 'never'
           WHEN s.received < %(now)s - 5 * make_interval(secs => coalesce(m.interval_s, 3600)) THEN 'silent'
           WHEN s.received < %(now)s - 2 * make_interval(secs => coalesce(m.interval_s, 3600)) THEN 'late'
           ELSE 'online' END AS how,
       count(*)
FROM device d
LEFT JOIN device_seen s ON s.device = d.id
LEFT JOIN model m ON m.id = d.model
WHERE /*part chosen*/
GROUP BY how

-- name: models
-- How many devices a query chooses, by model.
SELECT m.id, count(*)
FROM device d
JOIN model m ON m.id = d.model
LEFT JOIN device_seen s ON s.device = d.id
WHERE /*part chosen*/
GROUP BY m.id

-- name: save_files
-- Origin and money of devices, by key; an absent field stays.
INSERT INTO device_file AS f (device, serial, address, site, service, supplier, contract, bought,
                              warranty, yearly_cost, note, join_eui)
SELECT d.id, coalesce(n.serial, ''), coalesce(n.address, ''), coalesce(n.site, ''),
       coalesce(n.service, ''), coalesce(n.supplier, ''), coalesce(n.contract, ''), n.bought, n.warranty,
       n.yearly_cost, coalesce(n.note, ''), coalesce(n.join_eui, '')
FROM json_to_recordset(%(files)s::json)
    AS n (key text, serial text, address text, site text, service text, supplier text, contract text,
          bought date, warranty date, yearly_cost numeric, note text, join_eui text)
JOIN device d ON d.key = n.key
ORDER BY d.id
ON CONFLICT (device) DO UPDATE
SET serial = coalesce(nullif(excluded.serial, ''), f.serial),
    address = coalesce(nullif(excluded.address, ''), f.address),
    site = coalesce(nullif(excluded.site, ''), f.site),
    service = coalesce(nullif(excluded.service, ''), f.service),
    supplier = coalesce(nullif(excluded.supplier, ''), f.supplier),
    contract = coalesce(nullif(excluded.contract, ''), f.contract),
    bought = coalesce(excluded.bought, f.bought),
    warranty = coalesce(excluded.warranty, f.warranty),
    yearly_cost = coalesce(excluded.yearly_cost, f.yearly_cost),
    note = coalesce(nullif(excluded.note, ''), f.note),
    join_eui = coalesce(nullif(excluded.join_eui, ''), f.join_eui)

-- name: search_files
-- A device is also found by the words of its file, kept behind a separator.
UPDATE device AS d SET search = split_part(d.search, chr(31), 1) || chr(31) || n.search
FROM json_to_recordset(%(files)s::json) AS n (key text, search text) WHERE d.key = n.key

-- name: save_keys
-- Sealed root keys by device key.
INSERT INTO device_key AS k (device, kind, sealed)
SELECT d.id, n.kind, decode(n.sealed, 'base64')
FROM json_to_recordset(%(keys)s::json) AS n (key text, kind text, sealed text)
JOIN device d ON d.key = n.key
ORDER BY d.id, n.kind
ON CONFLICT (device, kind) DO UPDATE SET sealed = excluded.sealed

-- name: keys_of
-- The sealed keys of a device.
SELECT k.kind, k.sealed FROM device_key k JOIN device d ON d.id = k.device WHERE d.key = %(key)s

-- name: note_event
-- A step or a visit of devices, dated and signed.
INSERT INTO device_event (key, kind, at, actor, before, after, note, photo, photo_kind)
SELECT k, %(kind)s, %(at)s, %(actor)s, %(before)s, %(after)s, %(note)s, %(photo)s, %(photo_kind)s
FROM unnest(%(keys)s::text[]) AS k

-- name: events
-- A page of a device's log, the newest first, each line with the name of who signed it.
SELECT e.id, e.kind, e.at, e.actor, e.before, e.after, e.note, e.photo IS NOT NULL,
       coalesce(nullif(a.name, ''), a.login, '')
FROM device_event e LEFT JOIN account a ON a.id::text = e.actor
WHERE e.key = %(key)s AND e.id < %(before_id)s ORDER BY e.id DESC LIMIT %(limit)s

-- name: photo
-- The photo of a visit.
SELECT photo, photo_kind FROM device_event WHERE id = %(id)s AND key = %(key)s AND photo IS NOT NULL

-- name: move
-- Devices change of step; the log says who did it. Gives their keys.
WITH old AS (
    SELECT key, lifecycle FROM device WHERE key = ANY(%(keys)s) AND lifecycle <> %(lifecycle)s FOR UPDATE
),
moved AS (
    UPDATE device SET lifecycle = %(lifecycle)s WHERE key IN (SELECT key FROM old) RETURNING key
),
noted AS (
    INSERT INTO device_event (key, kind, actor, before, after, note)
    SELECT key, 'lifecycle', %(actor)s, lifecycle, %(lifecycle)s, %(note)s FROM old
)
SELECT key FROM moved

-- name: set_model
-- Devices change of model.
UPDATE device SET model = %(model)s WHERE key = ANY(%(keys)s) AND model <> %(model)s

-- name: set_dataset
-- Devices go to a record of the charter, which decides who sees them; '' is the internal one.
UPDATE device SET dataset = %(dataset)s
WHERE key = ANY(%(keys)s) AND dataset <> %(dataset)s

-- name: set_tags
-- Devices get tags, or lose some; gives what each is then found by.
UPDATE device SET tags = (tags || %(tags)s::jsonb) - %(without)s::text[] WHERE key = ANY(%(keys)s)
RETURNING key, name, tags

-- name: search_tags
-- A device is found by its key, name and tags; the words of its file stay behind their separator.
UPDATE device AS d
SET search = n.search || coalesce(chr(31) || nullif(split_part(d.search, chr(31), 2), ''), '')
FROM json_to_recordset(%(found)s::json) AS n (key text, search text) WHERE d.key = n.key

-- name: end_bindings
-- From that moment the device measures nothing more.
UPDATE binding SET valid_to = %(at)s
WHERE device = (SELECT id FROM device WHERE key = %(key)s) AND (valid_to IS NULL OR valid_to > %(at)s)

-- name: take_over
-- The successor measures what the other one measured, from that moment.
INSERT INTO binding (device, channel, entity, attribute, quantity, scale, "offset", valid_from, valid_to)
SELECT (SELECT id FROM device WHERE key = %(successor)s), channel, entity, attribute, quantity, scale,
       "offset", %(at)s, valid_to
FROM binding
WHERE device = (SELECT id FROM device WHERE key = %(key)s) AND (valid_to IS NULL OR valid_to > %(at)s)

-- name: copy_place
-- The successor stands where the other one stood.
UPDATE device AS n SET longitude = o.longitude, latitude = o.latitude, commune = o.commune,
       owner = o.owner, dataset = coalesce(o.own_dataset, o.dataset), lifecycle = 'active',
       model = CASE WHEN n.model = '' THEN o.model ELSE n.model END,
       name = CASE WHEN n.name = '' THEN o.name ELSE n.name END,
       tags = o.tags || n.tags
FROM device AS o WHERE n.key = %(successor)s AND o.key = %(key)s

-- name: copy_file
-- What belongs to the place passes on; serial, warranty and purchase stay with the hardware.
INSERT INTO device_file AS f (device, address, site, service, contract, yearly_cost)
SELECT n.id, o.address, o.site, o.service, o.contract, o.yearly_cost
FROM device_file o
JOIN device od ON od.id = o.device AND od.key = %(key)s
JOIN device n ON n.key = %(successor)s
ON CONFLICT (device) DO UPDATE
SET address = excluded.address, site = excluded.site, service = excluded.service,
    contract = excluded.contract, yearly_cost = excluded.yearly_cost

-- name: groups
-- Saved queries by name.
SELECT name, label, query, actor, created FROM device_group
WHERE %(name)s = '' OR name = %(name)s ORDER BY name

-- name: save_group
-- A saved query.
INSERT INTO device_group (name, label, query, actor)
VALUES (%(name)s, %(label)s, %(saved)s::jsonb, %(actor)s)
ON CONFLICT (name) DO UPDATE SET label = excluded.label, query = excluded.query, actor = excluded.actor

-- name: remove_group
-- Forget a saved query.
DELETE FROM device_group WHERE name = %(name)s

-- name: costs
-- The yearly bill by service and supplier.
SELECT coalesce(f.service, ''), coalesce(f.supplier, ''), count(*),
       coalesce(sum(f.yearly_cost), 0)::double precision,
       count(*) FILTER (WHERE f.warranty < current_date)
FROM device d LEFT JOIN device_file f ON f.device = d.id
WHERE d.lifecycle <> 'retired'
  AND /*rows d.dataset, d.commune*/
GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2

-- name: costs_by_use
-- The yearly bill by what devices are used for: the type of the things that they measure. A device of
-- several uses is shared equally between them.
WITH fed AS (
    SELECT device, split_part(entity, ':', 3) AS use, count(DISTINCT entity) AS things
    FROM binding WHERE valid_to IS NULL OR valid_to > now() GROUP BY 1, 2
),
shared AS (SELECT device, count(*) AS uses FROM fed GROUP BY device)
SELECT coalesce(fed.use, ''), count(DISTINCT d.id), coalesce(sum(fed.things), 0)::bigint,
       coalesce(sum(f.yearly_cost / coalesce(shared.uses, 1)), 0)::double precision
FROM device d
LEFT JOIN device_file f ON f.device = d.id
LEFT JOIN fed ON fed.device = d.id
LEFT JOIN shared ON shared.device = d.id
WHERE d.lifecycle <> 'retired' AND /*rows d.dataset, d.commune*/
GROUP BY 1 ORDER BY 4 DESC, 1

-- name: without_commune
-- Devices that have a place and no commune.
SELECT key, longitude, latitude FROM device
WHERE commune = '' AND longitude IS NOT NULL AND latitude IS NOT NULL AND key > %(after)s
ORDER BY key LIMIT 10000

-- name: set_communes
-- Devices go to the commune that holds them.
UPDATE device AS d SET commune = n.commune
FROM json_to_recordset(%(places)s::json) AS n (key text, commune text) WHERE d.key = n.key

-- name: models_used
-- How many devices have each model.
SELECT model, count(*) FROM device GROUP BY model
