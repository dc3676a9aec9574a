-- name: get
-- Owner service and tags of a thing.
SELECT service, tags, actor, changed FROM entity_file WHERE entity = %(id)s

-- name: save
-- Owner service and tags of a thing, as they now are.
INSERT INTO entity_file AS f (entity, service, tags, actor)
VALUES (%(id)s, %(service)s, %(tags)s::jsonb, %(actor)s)
ON CONFLICT (entity) DO UPDATE
SET service = excluded.service, tags = excluded.tags, actor = excluded.actor, changed = now()

-- name: relate
-- What a thing is part of, as it now is; it is also found by the words of its file, kept behind a separator.
UPDATE entity SET relations = %(relations)s::jsonb, changed = now(),
       search = split_part(search, chr(31), 1) || chr(31) || %(search)s
WHERE id = %(id)s

-- name: known
-- Those of these things that may be seen.
SELECT e.id, e.type, e.name FROM entity e
WHERE e.id = ANY(%(ids)s) AND /*rows e.dataset, e.commune*/

-- name: above
-- The things that this one is part of, the nearest first, as far as they may be seen.
WITH RECURSIVE up AS (
    SELECT r.key AS relation, r.value AS id, 1 AS depth, ARRAY[e.id] AS seen
    FROM entity e, jsonb_each_text(e.relations) AS r WHERE e.id = %(id)s
    UNION ALL
    SELECT r.key, r.value, up.depth + 1, up.seen || up.id
    FROM up JOIN entity e ON e.id = up.id, jsonb_each_text(e.relations) AS r
    WHERE up.depth < %(deepest)s AND NOT r.value = ANY(up.seen || up.id)
)
SELECT DISTINCT ON (up.depth, up.relation, e.id) up.relation, e.id, e.type, e.name, up.depth
FROM up JOIN entity e ON e.id = up.id
WHERE /*rows e.dataset, e.commune*/
ORDER BY up.depth, up.relation, e.id

-- name: below
-- The things that say to be part of this one, a page by id.
SELECT (SELECT r.key FROM jsonb_each_text(e.relations) AS r WHERE r.value = %(id)s ORDER BY r.key LIMIT 1),
       e.id, e.type, e.name, 1
FROM entity e
WHERE e.relations <> '{}' AND e.relations @? %(path)s::jsonpath AND e.id > %(after)s
  AND /*rows e.dataset, e.commune*/
ORDER BY e.id
LIMIT %(limit)s
