-- name: save
-- The one territory of this installation.
INSERT INTO territory (name, siren, timezone) VALUES (%(name)s, %(siren)s, %(timezone)s)
ON CONFLICT (one) DO UPDATE
SET name = excluded.name, siren = excluded.siren, timezone = excluded.timezone

-- name: clear_communes
-- Before the new ones.
DELETE FROM commune

-- name: save_communes
-- All communes at once.
INSERT INTO commune (code, name, population, contour, longitude, latitude, townhall)
SELECT code, name, population, nullif(contour, 'null'), longitude, latitude, nullif(townhall, 'null')
FROM json_to_recordset(%(communes)s::json)
    AS n (code text, name text, population integer, contour jsonb, longitude double precision,
          latitude double precision, townhall jsonb)

-- name: territory
-- The territory.
SELECT name, siren, timezone FROM territory

-- name: communes
-- Communes by name.
SELECT code, name, population, contour, longitude, latitude, townhall FROM commune ORDER BY name
