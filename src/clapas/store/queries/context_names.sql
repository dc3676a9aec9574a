-- name: remember
-- A small fact of this broker that changes.
INSERT INTO ngsild_kept (name, value) VALUES (%(name)s, %(value)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: old_entities
-- A page of entities whose documents hold one of these names, each held until the end.
SELECT tenant, id, doc FROM ngsild_entity
WHERE (tenant, id) > (%(after)s, %(id)s)
  AND EXISTS (SELECT 1 FROM unnest(%(names)s::text[]) n WHERE strpos(doc::text, n) > 0)
ORDER BY tenant, id LIMIT %(limit)s FOR UPDATE

-- name: rename_entities
-- Their documents under other names.
UPDATE ngsild_entity e SET doc = r.doc
FROM jsonb_to_recordset(%(rows)s) AS r(tenant text, id text, doc jsonb)
WHERE e.tenant = r.tenant AND e.id = r.id

-- name: old_instances
-- A page of instances under one of these names, or whose sub-attributes are.
SELECT seq, attribute, doc FROM ngsild_instance
WHERE seq > %(after)s AND (attribute = ANY(%(old)s)
    OR EXISTS (SELECT 1 FROM unnest(%(names)s::text[]) n WHERE strpos(doc::text, n) > 0))
ORDER BY seq LIMIT %(limit)s FOR UPDATE

-- name: rename_instances
-- Instances under other names.
UPDATE ngsild_instance i SET attribute = r.attribute, doc = r.doc
FROM jsonb_to_recordset(%(rows)s) AS r(seq bigint, attribute text, doc jsonb) WHERE i.seq = r.seq

-- name: old_evolutions
-- A page of evolutions whose heads hold one of these names.
SELECT tenant, id, doc FROM ngsild_evolution
WHERE (tenant, id) > (%(after)s, %(id)s)
  AND EXISTS (SELECT 1 FROM unnest(%(names)s::text[]) n WHERE strpos(doc::text, n) > 0)
ORDER BY tenant, id LIMIT %(limit)s FOR UPDATE

-- name: rename_evolutions
-- Heads of evolutions under other names.
UPDATE ngsild_evolution e SET doc = r.doc
FROM jsonb_to_recordset(%(rows)s) AS r(tenant text, id text, doc jsonb)
WHERE e.tenant = r.tenant AND e.id = r.id

-- name: old_registrations
-- A page of registrations that hold one of these names.
SELECT tenant, id, body FROM ngsild_registration
WHERE (tenant, id) > (%(after)s, %(id)s)
  AND EXISTS (SELECT 1 FROM unnest(%(names)s::text[]) n WHERE strpos(body::text, n) > 0)
ORDER BY tenant, id LIMIT %(limit)s FOR UPDATE

-- name: rename_registrations
-- Registrations under other names.
UPDATE ngsild_registration e SET body = r.doc
FROM jsonb_to_recordset(%(rows)s) AS r(tenant text, id text, doc jsonb)
WHERE e.tenant = r.tenant AND e.id = r.id
