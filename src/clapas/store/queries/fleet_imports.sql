-- name: add
-- A file was received.
INSERT INTO device_import (name, content, plan, actor)
VALUES (%(name)s, %(content)s, %(plan)s::jsonb, %(actor)s) RETURNING id

-- name: get
-- An import without its file.
SELECT id, name, plan, state, report, actor, created, applied, undone
FROM device_import WHERE (%(id)s = 0 OR id = %(id)s) AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s

-- name: content
-- The file.
SELECT content FROM device_import WHERE id = %(id)s

-- name: set_plan
-- Columns and corrections as the person chose them.
UPDATE device_import SET plan = %(plan)s::jsonb WHERE id = %(id)s AND state IN ('received', 'checked', 'undone')

-- name: clear_lines
-- Before a new check.
DELETE FROM device_import_line WHERE import = %(id)s

-- name: keep_lines
-- What is wrong, line by line.
INSERT INTO device_import_line (import, line, "column", code, value, hint, bad)
SELECT %(id)s, line, "column", code, value, hint, bad
FROM json_to_recordset(%(lines)s::json)
    AS n (line integer, "column" text, code text, value text, hint text, bad boolean)

-- name: lines
-- A page of what is wrong.
SELECT line, "column", code, value, hint, bad FROM device_import_line
WHERE import = %(id)s AND line > %(after)s AND (%(code)s = '' OR code = %(code)s)
ORDER BY line, "column" LIMIT %(limit)s

-- name: finish
-- The state of an import with its report.
UPDATE device_import
SET state = %(state)s, report = %(report)s::jsonb,
    applied = CASE WHEN %(state)s = 'applied' THEN now() ELSE applied END,
    undone = CASE WHEN %(state)s = 'undone' THEN now() END
WHERE id = %(id)s

-- name: lock
-- One import writes at a time.
SELECT state, applied > now() - interval '24 hours' FROM device_import WHERE id = %(id)s FOR UPDATE

-- name: forget_image
-- Before it is made again.
DELETE FROM device_import_image WHERE import = %(id)s

-- name: keep_image
-- What the devices were before the import (null: they did not exist).
INSERT INTO device_import_image (import, key, device, file, keys)
SELECT %(id)s, k.key, to_jsonb(d), to_jsonb(f),
       (SELECT jsonb_object_agg(x.kind, encode(x.sealed, 'base64')) FROM device_key x WHERE x.device = d.id)
FROM json_to_recordset(%(devices)s::json) AS k (key text)
LEFT JOIN device d ON d.key = k.key
LEFT JOIN device_file f ON f.device = d.id

-- name: save
-- Create devices, or change what the file says of them.
INSERT INTO device AS d (id, key, source, model, name, lifecycle, longitude, latitude, commune, owner,
                         tags, search)
SELECT gen_random_uuid(), key, source, model, name, coalesce(nullif(lifecycle, ''), 'stock'), longitude,
       latitude, commune, '', tags, search
FROM json_to_recordset(%(devices)s::json)
    AS n (key text, source text, model text, name text, lifecycle text, longitude double precision,
          latitude double precision, commune text, tags jsonb, search text)
ORDER BY key
ON CONFLICT (key) DO UPDATE
SET source = CASE WHEN excluded.source = '' THEN d.source ELSE excluded.source END,
    model = CASE WHEN excluded.model = '' THEN d.model ELSE excluded.model END,
    name = CASE WHEN excluded.name = '' THEN d.name ELSE excluded.name END,
    lifecycle = CASE WHEN d.lifecycle = 'proposed' THEN excluded.lifecycle ELSE d.lifecycle END,
    longitude = coalesce(excluded.longitude, d.longitude),
    latitude = coalesce(excluded.latitude, d.latitude),
    commune = CASE WHEN excluded.longitude IS NULL THEN d.commune ELSE excluded.commune END,
    tags = d.tags || excluded.tags,
    search = excluded.search

-- name: look
-- What an import has just written is seen by the planner: counted as empty, each row would be looked for in all others.
ANALYZE device, device_file, device_key, device_import_image

-- name: seal_image
-- What each device is after the import, to see later whether somebody changed it since.
UPDATE device_import_image AS i
SET after = clapas_device_image(d) FROM device d WHERE d.key = i.key AND i.import = %(id)s

-- name: changed_since
-- Devices that somebody changed after the import.
SELECT i.key FROM device_import_image i JOIN device d ON d.key = i.key
WHERE i.import = %(id)s AND i.after <> clapas_device_image(d) ORDER BY i.key LIMIT 100000

-- name: undo_created
-- Devices that the import created leave, unless somebody changed them since.
DELETE FROM device d USING device_import_image i
WHERE i.import = %(id)s AND i.key = d.key AND i.device IS NULL AND i.after = clapas_device_image(d)

-- name: undo_changed
-- Devices that the import changed are as before, unless somebody changed them since.
UPDATE device d
SET source = b.source, model = b.model, name = b.name, lifecycle = b.lifecycle, longitude = b.longitude,
    latitude = b.latitude, commune = b.commune, owner = b.owner, tags = b.tags, search = b.search
FROM device_import_image i, jsonb_populate_record(NULL::device, i.device) b
WHERE i.import = %(id)s AND i.key = d.key AND i.device IS NOT NULL AND i.after = clapas_device_image(d)

-- name: undo_files
-- Their files as well.
WITH gone AS (
    DELETE FROM device_file f USING device_import_image i, device d
    WHERE i.import = %(id)s AND i.key = d.key AND f.device = d.id AND i.file IS NULL
      AND i.after = clapas_device_image(d))
UPDATE device_file f
SET serial = b.serial, address = b.address, site = b.site, service = b.service, supplier = b.supplier,
    contract = b.contract, bought = b.bought, warranty = b.warranty, yearly_cost = b.yearly_cost,
    note = b.note, join_eui = b.join_eui
FROM device d, device_import_image i, jsonb_populate_record(NULL::device_file, i.file) b
WHERE i.import = %(id)s AND b.device = f.device AND d.id = f.device AND i.key = d.key
  AND i.file IS NOT NULL AND i.after = clapas_device_image(d)

-- name: undo_keys
-- Their keys as well.
WITH gone AS (
    DELETE FROM device_key k USING device_import_image i, device d
    WHERE i.import = %(id)s AND i.key = d.key AND k.device = d.id AND i.after = clapas_device_image(d)
      AND NOT coalesce(i.keys, '{}'::jsonb) ? k.kind)
UPDATE device_key k SET sealed = decode(i.keys ->> k.kind, 'base64')
FROM device_import_image i, device d
WHERE i.import = %(id)s AND d.key = i.key AND k.device = d.id AND i.keys ? k.kind
  AND i.after = clapas_device_image(d)

-- name: known
-- Which of these keys exist.
SELECT key FROM device WHERE key = ANY(%(keys)s)

-- name: purge
-- Files and images of imports that can no longer be undone.
WITH images AS (
    DELETE FROM device_import_image WHERE import IN (
        SELECT id FROM device_import WHERE applied < now() - interval '24 hours'))
UPDATE device_import SET content = NULL
WHERE content IS NOT NULL AND created < now() - interval '7 days'
