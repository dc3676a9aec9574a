-- name: living
-- Cases that are not over, of these meters.
SELECT id, entity, kind, rate, volume, confidence, raised, updated, stopped, state, cause, actor, decided
FROM water_case WHERE entity = ANY(%(entities)s) AND state IN ('open', 'asked', 'confirmed')

-- name: raise
-- New cases; a meter whose case lives has it brought up to date instead.
INSERT INTO water_case (entity, kind, rate, volume, confidence, raised, updated)
SELECT entity, kind, rate, volume, confidence, raised, raised
FROM json_to_recordset(%(rows)s::json)
    AS n (entity text, kind text, rate float8, volume float8, confidence float8, raised bigint)
ON CONFLICT (entity) WHERE state IN ('open', 'asked', 'confirmed')
DO UPDATE SET kind = excluded.kind, rate = excluded.rate, confidence = excluded.confidence,
    volume = water_case.volume + water_case.rate
        * greatest(coalesce(water_case.stopped, excluded.raised) - water_case.updated, 0) / 3600000.0,
    updated = excluded.raised, stopped = NULL
WHERE excluded.raised > water_case.updated

-- name: stop
-- The flow of these meters has stopped.
UPDATE water_case SET stopped = %(now)s
WHERE entity = ANY(%(entities)s) AND stopped IS NULL AND state IN ('open', 'asked', 'confirmed')
RETURNING entity

-- name: pass
-- Burst-sized flows of which nobody was sure, nobody was called for, and that stopped within this time.
UPDATE water_case SET state = 'passed'
WHERE kind = 'burst' AND state = 'open' AND confidence < %(sure)s AND stopped - raised < %(within)s

-- name: running
-- Meters whose case lives and whose flow runs.
SELECT entity FROM water_case WHERE stopped IS NULL AND state IN ('open', 'asked', 'confirmed')

-- name: page
-- Cases that may be seen: those that run and wait for us, then for the subscriber (asked by us, or alone at first), then the stopped; the dearest first.
SELECT c.id, c.entity, c.kind, c.rate, c.volume, c.confidence, c.raised, c.updated, c.stopped, c.state,
       c.cause, c.actor, c.decided, e.name, e.commune, e.longitude, e.latitude, e.simulated, e.dataset, u.urgency
FROM water_case c JOIN entity e ON e.id = c.entity
CROSS JOIN LATERAL (
    SELECT c.rate - CASE
        WHEN c.stopped IS NOT NULL THEN 2e9
        WHEN c.kind = 'burst' AND c.confidence < %(sure)s AND c.raised > %(patient)s THEN 1e9
        WHEN c.state = 'open' THEN 0
        ELSE 1e9 END AS urgency
) AS u
WHERE (%(state)s = '' OR (%(state)s = 'todo' AND c.state IN ('open', 'asked')) OR c.state = %(state)s)
  AND (%(entity)s = '' OR c.entity = %(entity)s)
  AND (%(first)s OR (u.urgency, c.id) < (%(urgency)s::float8, %(after)s::bigint))
  AND /*rows e.dataset, e.commune*/
ORDER BY u.urgency DESC, c.id DESC LIMIT %(limit)s

-- name: one
-- A case that may be seen.
SELECT c.id, c.entity, c.kind, c.rate, c.volume, c.confidence, c.raised, c.updated, c.stopped, c.state,
       c.cause, c.actor, c.decided, e.name, e.commune, e.longitude, e.latitude, e.simulated, e.dataset
FROM water_case c JOIN entity e ON e.id = c.entity
WHERE c.id = %(id)s AND /*rows e.dataset, e.commune*/

-- name: decide
-- What a person found out.
UPDATE water_case c SET state = %(state)s, cause = %(cause)s, actor = %(actor)s, decided = %(now)s,
    stopped = CASE WHEN %(state)s IN ('false', 'closed') THEN coalesce(c.stopped, %(now)s) ELSE c.stopped END
FROM entity e
WHERE c.id = %(id)s AND e.id = c.entity AND /*rows e.dataset, e.commune*/
RETURNING c.entity

-- name: verdicts
-- How many cases of each kind are in each state, raised in a period.
SELECT c.kind, c.state, count(*), avg(c.confidence)
FROM water_case c JOIN entity e ON e.id = c.entity
WHERE c.raised >= %(since)s AND /*rows e.dataset, e.commune*/
GROUP BY c.kind, c.state ORDER BY c.kind, c.state

-- name: memory
-- What the detector remembers.
SELECT upto, body FROM water_memory WHERE name = %(name)s

-- name: remember
-- It remembers this now.
INSERT INTO water_memory (name, upto, body) VALUES (%(name)s, %(upto)s, %(body)s)
ON CONFLICT (name) DO UPDATE SET upto = excluded.upto, body = excluded.body

-- name: subscribe
-- Who is told of a meter, sealed; the stop token changes with each writing.
INSERT INTO water_vault.subscriber (entity, sealed, language, channel, threshold, away_from, away_to, stop, consents)
VALUES (%(entity)s, %(sealed)s, %(language)s, %(channel)s, %(threshold)s, %(away_from)s, %(away_to)s,
        %(stop)s, %(consents)s::jsonb)
ON CONFLICT (entity) DO UPDATE SET sealed = excluded.sealed, language = excluded.language,
    channel = excluded.channel, threshold = excluded.threshold, away_from = excluded.away_from,
    away_to = excluded.away_to, stop = excluded.stop, consents = excluded.consents, stopped = NULL

-- name: subscribers
-- Those of these meters who did not stop.
SELECT entity, sealed, language, channel, threshold, away_from, away_to, stop, consents
FROM water_vault.subscriber WHERE entity = ANY(%(entities)s) AND stopped IS NULL

-- name: away
-- Those who are away now and did not stop.
SELECT entity, sealed, language, channel, threshold, away_from, away_to, stop, consents
FROM water_vault.subscriber
WHERE stopped IS NULL AND away_from <= %(now)s AND away_to > %(now)s

-- name: stop_messages
-- Nothing more is sent to the holder of this token.
UPDATE water_vault.subscriber SET stopped = coalesce(stopped, %(now)s) WHERE stop = %(stop)s

-- name: forget
-- A subscriber who left: the identity goes, the series stay without it.
DELETE FROM water_vault.subscriber WHERE entity = %(entity)s

-- name: sent
-- Messages of these meters, newest first.
SELECT entity, water_case, kind, channel, at FROM water_vault.message
WHERE entity = ANY(%(entities)s) ORDER BY at DESC LIMIT 10000

-- name: send
-- A message was handed over; the same of a case is sent once.
INSERT INTO water_vault.message (entity, water_case, kind, channel, at)
VALUES (%(entity)s, %(water_case)s, %(kind)s, %(channel)s, %(at)s)
ON CONFLICT DO NOTHING RETURNING id

-- name: personal
-- The index of each meter that stands for a person: neither simulated nor of a sector; did they agree to hours?
SELECT s.id, s.entity, EXISTS (
    SELECT FROM water_vault.subscriber v
    WHERE v.entity = s.entity AND v.stopped IS NULL AND (v.consents ->> 'hourly')::bigint > 0)
FROM series s JOIN entity e ON e.id = s.entity
WHERE s.quantity = 'water_index' AND NOT e.simulated
  AND NOT EXISTS (SELECT FROM series f WHERE f.entity = s.entity AND f.attribute = 'flow')
ORDER BY s.id

-- name: devices
-- The devices that speak of these meters.
SELECT DISTINCT d.key FROM device d LEFT JOIN binding b ON b.device = d.id
WHERE b.entity = ANY(%(entities)s) OR 'urn:ngsi-ld:Device:' || d.key = ANY(%(entities)s) ORDER BY 1

-- name: answered
-- What the holder of this token says of the case that lives on their meter.
UPDATE water_case c SET state = %(state)s, cause = %(cause)s, actor = 'subscriber', decided = %(now)s,
    stopped = CASE WHEN %(state)s IN ('false', 'closed') THEN coalesce(c.stopped, %(now)s) ELSE c.stopped END
FROM water_vault.subscriber s
WHERE s.stop = %(stop)s AND c.entity = s.entity AND c.state IN ('open', 'asked', 'confirmed')
RETURNING c.entity

-- name: accepted
-- The largest flow of each meter that somebody explained by a use, lately.
SELECT entity, max(rate) FROM water_case
WHERE state = 'false' AND cause IN ('pool', 'irrigation', 'softener', 'shared', 'work') AND decided >= %(since)s
GROUP BY entity
