-- name: map
-- One entity map that has not expired.
SELECT body FROM ngsild_map WHERE tenant = %(tenant)s AND id = %(id)s AND expires > now()

-- name: keep_map
-- An entity map, new or changed.
INSERT INTO ngsild_map (tenant, id, body, expires) VALUES (%(tenant)s, %(id)s, %(body)s, %(expires)s)
ON CONFLICT (tenant, id) DO UPDATE SET body = excluded.body, expires = excluded.expires

-- name: drop_map
-- An entity map goes.
DELETE FROM ngsild_map WHERE tenant = %(tenant)s AND id = %(id)s RETURNING id

-- name: expired_maps
-- Entity maps that have expired go.
DELETE FROM ngsild_map WHERE expires <= now()

-- name: snapshot
-- One snapshot that has not expired.
SELECT body FROM ngsild_snapshot
WHERE tenant = %(tenant)s AND id = %(id)s AND (expires IS NULL OR expires > now())

-- name: snapshots
-- All snapshots of a tenant that have not expired.
SELECT body FROM ngsild_snapshot
WHERE tenant = %(tenant)s AND (expires IS NULL OR expires > now()) ORDER BY id

-- name: keep_snapshot
-- A snapshot, new or changed.
INSERT INTO ngsild_snapshot (tenant, id, body, expires) VALUES (%(tenant)s, %(id)s, %(body)s, %(expires)s)
ON CONFLICT (tenant, id) DO UPDATE SET body = excluded.body, expires = excluded.expires

-- name: change_snapshot
-- A snapshot with some members gone and some new; nothing when it is not there.
UPDATE ngsild_snapshot SET body = (body - %(gone)s::text[]) || %(what)s,
       expires = coalesce(%(expires)s, expires)
WHERE tenant = %(tenant)s AND id = %(id)s AND (expires IS NULL OR expires > now()) RETURNING body

-- name: drop_snapshot
-- A snapshot goes, with its copies of entities and of their evolution, its subscriptions and maps.
WITH copies AS (DELETE FROM ngsild_entity WHERE tenant = %(scope)s),
subscriptions AS (DELETE FROM ngsild_subscription WHERE tenant = %(scope)s),
maps AS (DELETE FROM ngsild_map WHERE tenant = %(scope)s),
heads AS (DELETE FROM ngsild_evolution WHERE tenant = %(scope)s),
instances AS (DELETE FROM ngsild_instance WHERE tenant = %(scope)s)
DELETE FROM ngsild_snapshot WHERE tenant = %(tenant)s AND id = %(id)s RETURNING id

-- name: expired_snapshots
-- Snapshots that have expired.
SELECT tenant, id, body FROM ngsild_snapshot WHERE expires <= now()

-- name: fill_snapshot
-- Copies of entities, as they are now.
INSERT INTO ngsild_entity (tenant, id, doc)
SELECT %(scope)s, doc ->> '@id', doc FROM jsonb_array_elements(%(docs)s::jsonb) doc
ON CONFLICT (tenant, id) DO UPDATE SET doc = excluded.doc

-- name: fill_snapshot_heads
-- Heads of evolutions, as they are now.
INSERT INTO ngsild_evolution (tenant, id, doc)
SELECT %(scope)s, doc ->> '@id', doc FROM jsonb_array_elements(%(docs)s::jsonb) doc
ON CONFLICT (tenant, id) DO UPDATE SET doc = excluded.doc

-- name: clone_snapshot
-- The copies of one snapshot, in another.
WITH heads AS (
    INSERT INTO ngsild_evolution (tenant, id, doc)
    SELECT %(scope)s, id, doc FROM ngsild_evolution WHERE tenant = %(source)s),
instances AS (
    INSERT INTO ngsild_instance (tenant, entity, attribute, dataset, observed, created, modified, deleted, number, doc)
    SELECT %(scope)s, entity, attribute, dataset, observed, created, modified, deleted, number, doc
    FROM ngsild_instance WHERE tenant = %(source)s)
INSERT INTO ngsild_entity (tenant, id, doc)
SELECT %(scope)s, id, doc FROM ngsild_entity WHERE tenant = %(source)s

-- name: remote_subscriptions
-- The subscriptions that were sent on to sources for one of ours.
SELECT registration, remote, body FROM ngsild_remote_subscription
WHERE tenant = %(tenant)s AND subscription = %(subscription)s

-- name: remote_subscription
-- The subscription of ours behind one that was sent on.
SELECT tenant, subscription, registration FROM ngsild_remote_subscription WHERE remote = %(remote)s

-- name: keep_remote_subscription
-- A subscription that was sent on to a source.
INSERT INTO ngsild_remote_subscription (tenant, subscription, registration, remote, body)
VALUES (%(tenant)s, %(subscription)s, %(registration)s, %(remote)s, %(body)s)
ON CONFLICT (tenant, subscription, registration) DO UPDATE SET body = excluded.body, remote = excluded.remote

-- name: drop_remote_subscription
-- One that was sent on to a source goes.
DELETE FROM ngsild_remote_subscription WHERE tenant = %(tenant)s AND subscription = %(subscription)s
  AND registration = %(registration)s AND remote = %(remote)s

-- name: followers
-- Subscriptions to entities, which follow the registrations of their sources.
SELECT body, state FROM ngsild_subscription WHERE tenant = %(tenant)s AND kind = 'e'
  AND body -> 'localOnly' IS DISTINCT FROM 'true' ORDER BY place

-- name: source_subscriptions
-- A page of subscriptions to registrations: those that were made, and those that follow (kind e).
SELECT kind, body, state FROM ngsild_subscription WHERE tenant = %(tenant)s
  AND (kind = 'c' OR kind = 'e' AND body -> 'localOnly' IS DISTINCT FROM 'true')
ORDER BY place LIMIT %(limit)s OFFSET %(offset)s

-- name: count_source_subscriptions
-- How many there are.
SELECT count(*) FROM ngsild_subscription WHERE tenant = %(tenant)s
  AND (kind = 'c' OR kind = 'e' AND body -> 'localOnly' IS DISTINCT FROM 'true')
