-- name: ensure
-- Series of keys, made when missing; entities learn their headline. A device that measures for itself is an
-- entity from its first series on.
WITH wanted AS (
    SELECT DISTINCT ON (entity, attribute, dataset_id, tenant) *
    FROM json_to_recordset(%(keys)s::json)
        AS k (entity text, attribute text, quantity text, dataset_id text, tenant text, rank smallint)
    ORDER BY entity, attribute, dataset_id, tenant, quantity DESC
),
known AS (
    SELECT s.* FROM series s JOIN wanted w USING (entity, attribute, dataset_id, tenant)
    WHERE s.quantity = w.quantity OR w.quantity = '' OR s.quantity <> ''
),
made AS (
    INSERT INTO series AS s (tenant, entity, attribute, dataset_id, quantity, rank)
    SELECT tenant, entity, attribute, dataset_id, quantity, rank FROM wanted w
    WHERE NOT EXISTS (
        SELECT FROM known k WHERE (k.entity, k.attribute, k.dataset_id, k.tenant)
                                = (w.entity, w.attribute, w.dataset_id, w.tenant))
    ON CONFLICT (entity, attribute, dataset_id, tenant) DO UPDATE
        SET quantity = CASE WHEN s.quantity = '' THEN excluded.quantity ELSE s.quantity END,
            rank = CASE WHEN s.quantity = '' THEN excluded.rank ELSE s.rank END
    RETURNING *
),
best AS (SELECT DISTINCT ON (entity) entity, id, rank FROM made ORDER BY entity, rank, id),
born AS (
    INSERT INTO entity (id, type, name, longitude, latitude, commune, dataset, group_dataset, own_dataset,
                        simulated, search, headline)
    SELECT b.entity, 'Device', d.name, d.longitude, d.latitude, d.commune, d.dataset, d.group_dataset,
           d.own_dataset, d.simulated, d.search, b.id
    FROM best b JOIN device d ON d.key = substr(b.entity, 20)
    WHERE b.entity LIKE 'urn:ngsi-ld:Device:%%'
    ORDER BY b.entity
    ON CONFLICT (id) DO NOTHING
),
told AS (
    UPDATE entity e SET headline = best.id
    FROM best
    WHERE e.id = best.entity
      AND (e.headline IS NULL OR best.rank < (SELECT rank FROM series WHERE id = e.headline))
)
SELECT id, tenant, entity, attribute, dataset_id, quantity, dataset, true AS fresh FROM made
UNION ALL
SELECT id, tenant, entity, attribute, dataset_id, quantity, dataset, false FROM known

-- name: visible
-- Those of the numbers that may be seen.
SELECT s.id, s.tenant, s.entity, s.attribute, s.dataset_id, s.quantity,
       coalesce(nullif(s.dataset, ''), e.dataset, '') AS dataset
FROM series s LEFT JOIN entity e ON e.id = s.entity
WHERE s.id = ANY(%(series)s)
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), e.commune*/

-- name: of_entity
-- Series of one entity that may be seen.
SELECT s.id, s.tenant, s.entity, s.attribute, s.dataset_id, s.quantity,
       coalesce(nullif(s.dataset, ''), e.dataset, '') AS dataset
FROM series s LEFT JOIN entity e ON e.id = s.entity
WHERE s.entity = %(entity)s
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), e.commune*/
ORDER BY s.rank, s.attribute, s.id

-- name: places
-- What ClickHouse mirrors of the series of some entities (or of some series).
SELECT s.id, s.quantity, coalesce(nullif(s.dataset, ''), e.dataset, ''), coalesce(e.commune, '')
FROM series s LEFT JOIN entity e ON e.id = s.entity
WHERE s.entity = ANY(%(entities)s) OR s.id = ANY(%(series)s)

-- name: all_places
-- The whole mirror.
SELECT s.id, s.quantity, coalesce(nullif(s.dataset, ''), e.dataset, ''), coalesce(e.commune, '')
FROM series s LEFT JOIN entity e ON e.id = s.entity

-- name: mirrored
-- Series that may be seen, in ClickHouse.
SELECT series FROM series_place FINAL WHERE /*visible*/
