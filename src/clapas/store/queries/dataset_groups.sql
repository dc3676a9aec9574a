-- name: alone
-- One follows at a time, on whatever node.
SELECT pg_advisory_xact_lock(hashtext('clapas dataset groups'))

-- name: take_due
-- What asked to be followed; whatever changes after this statement asks again.
DELETE FROM dataset_due

-- name: held
-- Devices that a group holds in a dataset.
SELECT key FROM device WHERE group_dataset = %(dataset)s

-- name: hold_devices
-- Devices enter the dataset whose group has them, the most closed when several have them, or leave; their
-- logs say so. Gives their keys.
WITH claimed AS (
    SELECT DISTINCT ON (k.key) k.key, c.dataset
    FROM json_to_recordset(%(claims)s::json) AS c (dataset text, rank integer, keys json),
         json_array_elements_text(c.keys) AS k (key)
    ORDER BY k.key, c.rank DESC, c.dataset
),
moving AS (
    SELECT d.id, d.key, d.dataset AS before, c.dataset
    FROM device d LEFT JOIN claimed c ON c.key = d.key WHERE d.group_dataset IS DISTINCT FROM c.dataset
),
moved AS (
    UPDATE device d SET group_dataset = m.dataset FROM moving m WHERE m.id = d.id
    RETURNING d.key, m.before, d.dataset
),
noted AS (
    INSERT INTO device_event (key, kind, actor, before, after)
    SELECT key, 'dataset', 'system', before, dataset FROM moved WHERE before <> dataset
)
SELECT key FROM moved

-- name: hold_things
-- Things go with the devices that measure them now: to the most closed of their datasets. One that nothing
-- measures any more stays where it was, as long as the record names a group.
WITH ranks AS (
    SELECT * FROM json_to_recordset(%(ranks)s::json) AS r (dataset text, rank integer)
),
fed AS (
    SELECT DISTINCT b.entity, d.group_dataset FROM binding b JOIN device d ON d.id = b.device
    WHERE (b.valid_from IS NULL OR b.valid_from <= now()) AND (b.valid_to IS NULL OR b.valid_to > now())
      AND b.entity NOT LIKE 'urn:ngsi-ld:Device:%%'
),
wanted AS (
    SELECT DISTINCT ON (e.id) e.id, f.group_dataset AS dataset
    FROM fed f JOIN entity e ON e.id = f.entity
    LEFT JOIN ranks r ON r.dataset = coalesce(f.group_dataset, e.own_dataset, e.dataset)
    ORDER BY e.id, coalesce(r.rank, %(unknown)s) DESC, f.group_dataset NULLS LAST
),
moving AS (
    SELECT e.id, CASE WHEN w.id IS NOT NULL THEN w.dataset
                      WHEN e.group_dataset = ANY(%(datasets)s) THEN e.group_dataset END AS dataset
    FROM entity e LEFT JOIN wanted w ON w.id = e.id WHERE e.id NOT LIKE 'urn:ngsi-ld:Device:%%'
)
UPDATE entity e SET group_dataset = m.dataset, changed = now()
FROM moving m WHERE m.id = e.id AND e.group_dataset IS DISTINCT FROM m.dataset
RETURNING e.id

-- name: take_places
-- Entities whose dataset or commune changed since the mirror was told.
DELETE FROM place_due WHERE id IN (SELECT id FROM place_due ORDER BY id LIMIT 50000) RETURNING entity

-- name: members
-- How many devices and things a group holds in a dataset.
SELECT (SELECT count(*) FROM device WHERE group_dataset = %(dataset)s),
       (SELECT count(*) FROM entity
        WHERE group_dataset = %(dataset)s AND id NOT LIKE 'urn:ngsi-ld:Device:%%')

-- name: naming_group
-- The datasets whose present record names a saved group.
SELECT id FROM (
    SELECT DISTINCT ON (id) id, record FROM dataset_record ORDER BY id, version DESC
) AS present WHERE record ->> 'group' = %(group)s ORDER BY id
