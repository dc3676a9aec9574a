-- name: open
-- New files of meters that may be seen, named whole or by their last part; those that exist stay as they are.
INSERT INTO water_file (entity, starts, ends, volume, reference, source, years, context)
SELECT e.id, n.starts, n.ends, n.volume, n.reference, n.source, n.years, n.context
FROM json_to_recordset(%(files)s::json)
    AS n (meter text, starts date, ends date, volume float8, reference float8, source text, years jsonb, context text)
JOIN entity e ON e.id IN (n.meter, 'urn:ngsi-ld:WaterConsumptionObserved:' || n.meter)
WHERE /*rows e.dataset, e.commune*/
ON CONFLICT (entity, starts, ends) DO NOTHING

-- name: list
-- Files that may be seen: those whose subscriber was not informed first, then by the date of the information.
SELECT f.id, f.entity, f.starts, f.ends, f.volume, f.reference, f.source, f.years, f.context, f.informed, f.proof,
       f.certificate, e.name, e.commune
FROM water_file f JOIN entity e ON e.id = f.entity
WHERE (%(id)s = 0 OR f.id = %(id)s) AND /*rows e.dataset, e.commune*/
ORDER BY f.informed IS NOT NULL, f.certificate IS NOT NULL, f.informed, f.ends, f.id LIMIT %(limit)s

-- name: note
-- The subscriber was informed, or their certificate received.
UPDATE water_file f SET informed = coalesce(%(informed)s, f.informed),
    proof = CASE WHEN %(proof)s = '' THEN f.proof ELSE %(proof)s END,
    certificate = coalesce(%(certificate)s, f.certificate), actor = %(actor)s
FROM entity e
WHERE f.id = %(id)s AND e.id = f.entity AND /*rows e.dataset, e.commune*/
RETURNING f.id
