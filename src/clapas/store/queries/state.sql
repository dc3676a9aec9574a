-- name: upsert
-- The newer measured value of each series; at the same time the later writing wins.
INSERT INTO state AS s (series, entity, attribute, value, measured, received, quality, log, sequence, codec)
SELECT series, entity, attribute, value, measured, received, quality, log, sequence, codec
FROM json_to_recordset(%(rows)s::json)
    AS n (series integer, entity text, attribute text, value jsonb, measured bigint, received bigint,
          quality smallint, log smallint, sequence bigint, codec integer)
ORDER BY series
ON CONFLICT (series) DO UPDATE
SET value = excluded.value, measured = excluded.measured, received = excluded.received,
    quality = excluded.quality, log = excluded.log, sequence = excluded.sequence,
    codec = excluded.codec
WHERE excluded.measured >= s.measured

-- name: latest
-- Present values that may be seen.
SELECT t.series, t.entity, t.attribute, s.quantity, t.value, t.measured, t.received, t.quality,
       t.log, t.sequence, t.codec
FROM state t
JOIN series s ON s.id = t.series
LEFT JOIN entity e ON e.id = t.entity
WHERE (%(all_entities)s OR t.entity = ANY(%(entities)s))
  AND (%(all_series)s OR t.series = ANY(%(series)s))
  AND (%(attribute)s = '' OR t.attribute = %(attribute)s)
  AND (%(quantity)s = '' OR s.quantity = %(quantity)s)
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), e.commune*/
ORDER BY t.series
LIMIT %(limit)s
