-- name: upsert
-- Create or refresh entities; an empty field of the newcomer keeps what was known. Gives the ids
-- whose dataset or commune changed, for the mirror.
WITH fresh AS (
    SELECT * FROM json_to_recordset(%(entities)s::json)
        AS n (id text, type text, name text, longitude double precision, latitude double precision,
              geometry jsonb, commune text, dataset text, simulated boolean, relations jsonb, search text)
),
before AS (SELECT e.id, e.dataset, e.commune FROM entity e JOIN fresh USING (id)),
done AS (
    INSERT INTO entity AS e (id, type, name, longitude, latitude, geometry, commune, dataset,
                             simulated, relations, search, headline)
    SELECT f.id, f.type, f.name, f.longitude, f.latitude, f.geometry, f.commune, f.dataset,
           f.simulated, f.relations, f.search,
           (SELECT s.id FROM series s WHERE s.entity = f.id ORDER BY s.rank, s.id LIMIT 1)
    FROM fresh f ORDER BY f.id
    ON CONFLICT (id) DO UPDATE
    SET type = excluded.type,
        name = CASE WHEN excluded.name = '' THEN e.name ELSE excluded.name END,
        search = CASE WHEN excluded.name = '' THEN e.search
                      ELSE excluded.search || substr(e.search, length(split_part(e.search, chr(31), 1)) + 1) END,
        longitude = coalesce(excluded.longitude, e.longitude),
        latitude = coalesce(excluded.latitude, e.latitude),
        geometry = coalesce(nullif(excluded.geometry, 'null'::jsonb), e.geometry),
        commune = CASE WHEN excluded.commune = '' THEN e.commune ELSE excluded.commune END,
        dataset = CASE WHEN excluded.dataset = '' THEN e.dataset ELSE excluded.dataset END,
        simulated = e.simulated OR excluded.simulated,
        relations = e.relations || excluded.relations,
        changed = now()
    WHERE e.type <> excluded.type OR (excluded.simulated AND NOT e.simulated)
       OR (excluded.name <> '' AND e.name <> excluded.name)
       OR (excluded.longitude IS NOT NULL AND e.longitude IS DISTINCT FROM excluded.longitude)
       OR (excluded.latitude IS NOT NULL AND e.latitude IS DISTINCT FROM excluded.latitude)
       OR (nullif(excluded.geometry, 'null'::jsonb) IS NOT NULL
           AND e.geometry IS DISTINCT FROM excluded.geometry)
       OR (excluded.commune <> '' AND e.commune <> excluded.commune)
       OR (excluded.dataset <> '' AND coalesce(e.own_dataset, e.dataset) <> excluded.dataset)
       OR NOT e.relations @> excluded.relations
    RETURNING e.id, e.dataset, e.commune
)
SELECT d.id FROM done d LEFT JOIN before b USING (id)
WHERE b.id IS NULL OR (b.dataset, b.commune) <> (d.dataset, d.commune)

-- name: page
-- A page of entities by id, each with its headline.
SELECT e.id, e.type, e.name, e.longitude, e.latitude, e.geometry, e.commune, e.dataset, e.simulated,
       e.relations, t.series, t.attribute, s.quantity, t.value, t.measured, t.received, t.quality,
       t.log, t.sequence, t.codec
FROM entity e
LEFT JOIN state t ON t.series = e.headline
LEFT JOIN series s ON s.id = t.series
WHERE e.id > %(after)s
  AND (%(id)s = '' OR e.id = %(id)s)
  AND (%(type)s = '' OR e.type = %(type)s)
  AND (%(commune)s = '' OR e.commune = %(commune)s)
  AND (%(q)s = '' OR e.search LIKE %(pattern)s)
  AND (NOT %(boxed)s OR point(e.longitude, e.latitude)
       <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s)))
  AND /*rows e.dataset, e.commune*/
ORDER BY e.id
LIMIT %(limit)s

-- name: existing
-- Which of these entities there are.
SELECT id FROM entity WHERE id = ANY(%(ids)s)

-- name: types
-- Types with how many of each may be seen.
SELECT type, count(*)
FROM entity e
WHERE /*rows of e*/
GROUP BY type ORDER BY type

-- name: map
-- Every located entity with its headline number, or those whose number came since a time.
SELECT e.id, e.type, e.longitude, e.latitude, t.measured,
       CASE WHEN e.dataset = ANY(%(withheld)s) THEN NULL ELSE CASE jsonb_typeof(t.value)
            WHEN 'number' THEN t.value::double precision
            WHEN 'boolean' THEN (t.value::boolean)::integer::double precision END END,
       coalesce(t.quality, 0)
FROM entity e
LEFT JOIN state t ON t.series = e.headline
WHERE e.longitude IS NOT NULL AND e.latitude IS NOT NULL
  AND (%(type)s = '' OR e.type = %(type)s)
  AND (%(since)s = 0 OR t.received >= %(since)s)
  AND (NOT %(boxed)s OR point(e.longitude, e.latitude)
       <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s)))
  AND /*rows of e*/
ORDER BY e.id
LIMIT %(limit)s

-- name: remove
-- Remove entities with their series and present state; gives the numbers of the series.
WITH gone AS (DELETE FROM series WHERE entity = ANY(%(ids)s) RETURNING id),
     state_gone AS (DELETE FROM state WHERE entity = ANY(%(ids)s)),
     tail_gone AS (DELETE FROM tail WHERE series IN (SELECT id FROM gone)),
     bindings_gone AS (DELETE FROM binding WHERE entity = ANY(%(ids)s)),
     entities_gone AS (DELETE FROM entity WHERE id = ANY(%(ids)s) RETURNING id)
SELECT 's', id::text FROM gone UNION ALL SELECT 'e', id FROM entities_gone

-- name: simulated
-- Ids of the demonstration's entities.
SELECT id FROM entity WHERE simulated

-- name: remove_simulated_devices
-- The demonstration's devices.
DELETE FROM device WHERE simulated
