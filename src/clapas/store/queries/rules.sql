-- name: rules
-- Every rule, or one.
SELECT id, revision, body, enabled, owner FROM rule WHERE %(id)s = '' OR id = %(id)s ORDER BY id

-- name: save
-- Create or change a rule; the revision grows and stays in the book of revisions.
WITH kept AS (
    INSERT INTO rule AS r (id, revision, enabled, owner, body)
    VALUES (%(id)s, 1, %(enabled)s, %(owner)s, %(body)s::jsonb)
    ON CONFLICT (id) DO UPDATE
    SET revision = r.revision + 1, enabled = excluded.enabled, owner = excluded.owner,
        body = excluded.body, changed = now()
    RETURNING id, revision, body
)
INSERT INTO rule_revision (rule, revision, body, who)
SELECT id, greatest(revision, 1 + coalesce((SELECT max(revision) FROM rule_revision b WHERE b.rule = kept.id), 0)),
       body, %(who)s FROM kept
RETURNING revision

-- name: align
-- A rule that was removed and made again goes on counting its revisions.
UPDATE rule SET revision = %(revision)s WHERE id = %(id)s AND revision <> %(revision)s

-- name: remove
-- Remove a rule; its revisions and its alarms stay.
DELETE FROM rule WHERE id = %(id)s

-- name: revisions
-- The revisions of a rule, newest first.
SELECT revision, body, who, (extract(epoch FROM at) * 1000)::bigint
FROM rule_revision WHERE rule = %(id)s ORDER BY revision DESC LIMIT 200

-- name: facts
-- What rules match series by (an empty list: all of them after a number). A device feeds the series that it
-- is bound to, and those of its own entity.
SELECT s.id, s.entity, s.attribute, s.quantity, coalesce(e.type, split_part(s.entity, ':', 3)),
       coalesce(e.name, ''), coalesce(e.commune, ''), coalesce(e.relations, '{}'::jsonb),
       coalesce(b.models, '{}'), b.interval_s, t.received, t.measured,
       coalesce(b.tags, '{}'), coalesce(e.dataset, '')
FROM series s
LEFT JOIN entity e ON e.id = s.entity
LEFT JOIN state t ON t.series = s.id
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT d.model) AS models, min(m.interval_s) AS interval_s,
           array_agg(DISTINCT g.key || '=' || g.value) AS tags
    FROM (
        SELECT device FROM binding
        WHERE entity = s.entity AND attribute = s.attribute AND valid_to IS NULL
        UNION ALL
        SELECT id FROM device
        WHERE s.entity LIKE 'urn:ngsi-ld:Device:%%' AND key = substr(s.entity, 20)
    ) f JOIN device d ON d.id = f.device LEFT JOIN model m ON m.id = d.model
    LEFT JOIN LATERAL jsonb_each_text(d.tags) AS g ON true
) b ON true
WHERE CASE WHEN %(all)s THEN s.id > %(after)s ELSE s.id = ANY(%(series)s) END
ORDER BY s.id
LIMIT %(limit)s

-- name: fed_by
-- The series that these devices feed, and those of these entities.
SELECT s.id FROM device d
JOIN binding b ON b.device = d.id AND b.valid_to IS NULL
JOIN series s ON s.entity = b.entity AND s.attribute = b.attribute
WHERE d.key = ANY(%(devices)s)
UNION
SELECT id FROM series
WHERE entity = ANY(%(entities)s::text[] || (SELECT array_agg('urn:ngsi-ld:Device:' || key)
                                            FROM unnest(%(devices)s::text[]) AS key))

-- name: present
-- Present numbers of these series that rules may use.
SELECT series, measured, (value #>> '{}')::double precision
FROM state
WHERE series = ANY(%(series)s) AND jsonb_typeof(value) = 'number' AND quality & %(unusable)s = 0

-- name: naming_group
-- The rules that name a saved group of devices.
SELECT id FROM rule WHERE body #>> '{target,group}' = %(group)s ORDER BY id

-- name: naming_chain
-- The rules that tell a chain.
SELECT id FROM rule WHERE body ->> 'chain' = %(chain)s ORDER BY id

-- name: references
-- Present numbers of attributes that rules compare with.
SELECT t.entity, t.attribute, t.measured, t.value
FROM state t
WHERE t.attribute = ANY(%(attributes)s) AND jsonb_typeof(t.value) = 'number'
LIMIT 1000000

-- name: tracks
-- The memory of these series.
SELECT series, state, deadline FROM rule_track WHERE series = ANY(%(series)s)

-- name: deadlines
-- When each series must be looked at again.
SELECT series, deadline FROM rule_track WHERE deadline IS NOT NULL

-- name: keep_tracks
-- Keep the memory of these series.
INSERT INTO rule_track AS t (series, state, deadline)
SELECT * FROM unnest(%(series)s::integer[], %(states)s::bytea[], %(deadlines)s::bigint[])
ON CONFLICT (series) DO UPDATE SET state = excluded.state, deadline = excluded.deadline

-- name: score
-- What each rule is worth.
SELECT rule, count(*) FILTER (WHERE closed IS NULL), count(*) FILTER (WHERE closed IS NOT NULL),
       count(*) FILTER (WHERE closed IS NOT NULL OR verdict <> ''),
       count(*) FILTER (WHERE verdict = 'confirmed'), count(*) FILTER (WHERE verdict = 'false'),
       count(*) FILTER (WHERE raised >= %(since)s), max(last)
FROM alarm GROUP BY rule ORDER BY rule
