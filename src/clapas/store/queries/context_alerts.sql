-- name: alerts_alone
-- Alarms are told to the broker by one process at a time.
SELECT pg_advisory_xact_lock(7406152015)

-- name: take_alarms
-- The alarms that changed, as they are now, each with its place and the rights on it; they are told once.
WITH told AS (
    DELETE FROM alarm_told
    WHERE seq IN (SELECT seq FROM alarm_told ORDER BY seq LIMIT %(most)s)
    RETURNING alarm)
SELECT to_jsonb(a) || jsonb_build_object('name', coalesce(e.name, '')),
       coalesce(nullif(s.dataset, ''), e.dataset, ''),
       coalesce(nullif(e.geometry, 'null'::jsonb), CASE WHEN e.longitude IS NOT NULL THEN
           jsonb_build_object('type', 'Point', 'coordinates', jsonb_build_array(e.longitude, e.latitude)) END)
FROM alarm a
LEFT JOIN entity e ON e.id = a.entity
LEFT JOIN series s ON s.id = a.series
WHERE a.id IN (SELECT alarm FROM told)
ORDER BY a.id

-- name: place
-- Which dataset and commune entities of the default tenant belong to: rights on them follow.
WITH given AS (
    SELECT * FROM json_to_recordset(%(places)s::json) AS g (id text, dataset text, commune text)),
evolutions AS (
    UPDATE ngsild_evolution n SET dataset = g.dataset, commune = g.commune FROM given g
    WHERE n.tenant = '' AND n.id = g.id AND (n.dataset, n.commune) <> (g.dataset, g.commune))
UPDATE ngsild_entity n SET dataset = g.dataset, commune = g.commune FROM given g
WHERE n.tenant = '' AND n.id = g.id AND (n.dataset, n.commune) <> (g.dataset, g.commune)
