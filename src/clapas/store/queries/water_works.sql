-- name: put_assets
-- Assets as the utility's GIS has them now; those of a commune that the caller may not write are left out.
WITH brought AS (
    SELECT 'water'::text AS dataset, n.*
    FROM json_to_recordset(%(rows)s::json)
        AS n (reference text, kind text, sector text, state text, material text, diameter_mm float8, length_m float8,
              laid integer, places jsonb, commune text)
)
INSERT INTO water_asset (reference, kind, sector, state, material, diameter_mm, length_m, laid, places, commune,
                         brought, actor)
SELECT n.reference, n.kind, n.sector, n.state, n.material, n.diameter_mm, n.length_m, n.laid, n.places, n.commune,
       %(now)s, %(actor)s
FROM brought n WHERE /*rows n.dataset, n.commune*/
ON CONFLICT (reference) DO UPDATE SET kind = excluded.kind, sector = excluded.sector, state = excluded.state,
    material = excluded.material, diameter_mm = excluded.diameter_mm, length_m = excluded.length_m,
    laid = excluded.laid, places = excluded.places, commune = excluded.commune, brought = excluded.brought,
    actor = excluded.actor
WHERE /*rows water_asset.dataset, water_asset.commune*/

-- name: put_works
-- Work orders as the maintenance tool has them now; one without place or sector takes those of its asset.
WITH brought AS (
    SELECT 'water'::text AS dataset, n.reference, n.kind, n.state, n.asset, coalesce(e.id, n.meter) AS meter,
           coalesce(nullif(n.sector, ''), a.sector, '') AS sector, n.opened, n.done, n.verdict, n.note,
           coalesce(n.longitude, (a.places -> 0 ->> 0)::float8, e.longitude) AS longitude,
           coalesce(n.latitude, (a.places -> 0 ->> 1)::float8, e.latitude) AS latitude,
           coalesce(nullif(n.commune, ''), a.commune, e.commune, '') AS commune
    FROM json_to_recordset(%(rows)s::json)
        AS n (reference text, kind text, state text, asset text, meter text, sector text, opened date, done date,
              verdict text, note text, longitude float8, latitude float8, commune text)
    LEFT JOIN water_asset a ON a.reference = n.asset
    LEFT JOIN entity e ON e.id IN (n.meter, 'urn:ngsi-ld:WaterConsumptionObserved:' || n.meter)
)
INSERT INTO water_work (reference, kind, state, asset, meter, sector, opened, done, verdict, note, longitude, latitude,
                        commune, brought, actor)
SELECT n.reference, n.kind, n.state, n.asset, n.meter, n.sector, n.opened, n.done, n.verdict, n.note, n.longitude,
       n.latitude, n.commune, %(now)s, %(actor)s
FROM brought n WHERE /*rows n.dataset, n.commune*/
ON CONFLICT (reference) DO UPDATE SET kind = excluded.kind, state = excluded.state, asset = excluded.asset,
    meter = excluded.meter, sector = excluded.sector, opened = excluded.opened, done = excluded.done,
    verdict = excluded.verdict, note = excluded.note, longitude = excluded.longitude, latitude = excluded.latitude,
    commune = excluded.commune, brought = excluded.brought, actor = excluded.actor
WHERE /*rows water_work.dataset, water_work.commune*/

-- name: settle
-- What a finished work found at a meter is the verdict of the case that lives there: repaired, true, or no leak.
UPDATE water_case c SET
    state = CASE WHEN w.verdict = 'no_leak' THEN 'false'
                 WHEN w.kind IN ('repair', 'replacement') THEN 'closed' ELSE 'confirmed' END,
    cause = CASE WHEN w.verdict = 'leak' THEN 'leak' ELSE c.cause END,
    actor = 'work ' || w.reference, decided = %(now)s,
    stopped = CASE WHEN w.verdict = 'no_leak' OR w.kind IN ('repair', 'replacement')
                   THEN coalesce(c.stopped, %(now)s) ELSE c.stopped END
FROM water_work w JOIN entity e ON e.id = w.meter
WHERE w.reference = ANY(%(references)s) AND w.state = 'done' AND w.verdict <> '' AND c.entity = w.meter
  AND c.state IN ('open', 'asked', 'confirmed') AND /*rows e.dataset, e.commune*/
  AND (w.done IS NULL OR c.raised < (extract(epoch FROM w.done + 1) * 1000)::bigint)
RETURNING c.entity

-- name: works
-- Work orders that may be seen: running, planned, then the latest done.
SELECT w.reference, w.kind, w.state, w.asset, w.meter, w.sector, w.opened, w.done, w.verdict, w.note, w.longitude,
       w.latitude, w.commune, w.brought
FROM water_work w WHERE (%(sector)s = '' OR w.sector = %(sector)s) AND /*rows w.dataset, w.commune*/
ORDER BY array_position(ARRAY['running', 'planned', 'done', 'cancelled'], w.state), w.done DESC NULLS LAST,
         w.opened DESC NULLS LAST, w.reference LIMIT %(limit)s

-- name: assets
-- Assets of a sector that may be seen, by reference.
SELECT a.reference, a.kind, a.sector, a.state, a.material, a.diameter_mm, a.length_m, a.laid, a.places, a.commune
FROM water_asset a
WHERE (%(sector)s = '' OR a.sector = %(sector)s) AND a.reference > %(after)s AND /*rows a.dataset, a.commune*/
ORDER BY a.reference LIMIT %(limit)s

-- name: stock
-- How many assets of each kind each sector has, and how long they are.
SELECT a.sector, a.kind, count(*), coalesce(sum(a.length_m), 0) FROM water_asset a
WHERE /*rows a.dataset, a.commune*/ GROUP BY a.sector, a.kind ORDER BY a.sector, a.kind

-- name: sectors
-- The works of each sector that are not over, and its last finished repair.
SELECT w.sector, count(*) FILTER (WHERE w.state IN ('planned', 'running')),
       max(w.done) FILTER (WHERE w.state = 'done' AND w.kind IN ('repair', 'replacement'))
FROM water_work w WHERE w.sector <> '' AND /*rows w.dataset, w.commune*/ GROUP BY w.sector

-- name: heard
-- The customers' meters of each sector, and those whose index came since then.
SELECT a.sector, count(*), count(*) FILTER (WHERE EXISTS (
    SELECT FROM state t WHERE t.entity IN (a.reference, 'urn:ngsi-ld:WaterConsumptionObserved:' || a.reference)
      AND t.attribute = 'waterIndex' AND t.measured >= %(since)s))
FROM water_asset a WHERE a.kind = 'meter' AND a.sector <> '' AND /*rows a.dataset, a.commune*/ GROUP BY a.sector
