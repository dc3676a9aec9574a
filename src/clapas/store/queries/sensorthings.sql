-- name: number
-- Numbers for what has none yet.
INSERT INTO sta_name (kind, name)
SELECT kind, name FROM (
    SELECT 'P'::"char", e.id FROM entity e
    UNION SELECT 'S', coalesce(m.model, '')
        FROM series s LEFT JOIN sta_model m ON m.entity = s.entity AND m.attribute = s.attribute
    UNION SELECT 'O', s.attribute || chr(31) || s.quantity FROM series s WHERE s.tenant = ''
) AS wanted (kind, name)
WHERE NOT EXISTS (SELECT FROM sta_name n WHERE n.kind = wanted.kind AND n.name = wanted.name)
ORDER BY kind, name
ON CONFLICT DO NOTHING

-- name: place
-- Things of the city that may be seen.
SELECT r.id, r.entity, r.type, r.name, r.description, r.dataset, r.commune, r.longitude, r.latitude,
       r.geometry, r.changed
FROM sta_place r
WHERE /*rows r.dataset, r.commune*/ AND (%(everywhere)s OR r.place IS NOT NULL) AND (/*where*/)
ORDER BY /*order*/ r.id LIMIT %(limit)s OFFSET %(offset)s

-- name: stream
-- Datastreams that may be seen.
SELECT d.id, d.thing, d.sensor, d.property, d.entity, d.attribute, d.quantity, d.name, d.description,
       d.dataset, d.value, d.measured_ms, d.received_ms, d.quality, p.longitude, p.latitude
FROM sta_stream d JOIN sta_place p ON p.id = d.thing
JOIN sta_sensor s ON s.id = d.sensor JOIN sta_property o ON o.id = d.property
WHERE /*rows d.dataset, d.commune*/ AND (/*where*/)
ORDER BY /*order*/ d.id LIMIT %(limit)s OFFSET %(offset)s

-- name: sensor
-- Kinds of sensors of datastreams that may be seen.
SELECT r.id, r.model, r.name, r.description FROM sta_sensor r
WHERE EXISTS (SELECT FROM sta_stream v WHERE v.sensor = r.id AND /*rows v.dataset, v.commune*/)
  AND (/*where*/)
ORDER BY /*order*/ r.id LIMIT %(limit)s OFFSET %(offset)s

-- name: property
-- What is measured by datastreams that may be seen.
SELECT r.id, r.name, r.quantity, r.description FROM sta_property r
WHERE EXISTS (SELECT FROM sta_stream v WHERE v.property = r.id AND /*rows v.dataset, v.commune*/)
  AND (/*where*/)
ORDER BY /*order*/ r.id LIMIT %(limit)s OFFSET %(offset)s

-- name: observation
-- Final values of series.
SELECT series, toUnixTimestamp64Milli(measured) AS at, value, quality, lag FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
  AND (/*where*/)
ORDER BY /*order*/ measured DESC, series LIMIT {limit:UInt64} OFFSET {offset:UInt64}

-- name: observations
-- How many there are.
SELECT count() AS number FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
  AND (/*where*/)
