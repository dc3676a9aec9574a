-- name: one
-- One entity that may be seen.
SELECT doc FROM ngsild_present
WHERE tenant = %(tenant)s AND id = %(id)s AND (expires IS NULL OR expires > now())
  AND /*rows dataset, commune*/

-- name: many
-- Entities by id, in the order of ids.
SELECT doc FROM ngsild_present
WHERE tenant = %(tenant)s AND id = ANY(%(ids)s) AND (expires IS NULL OR expires > now())
  AND /*rows dataset, commune*/
ORDER BY id

-- name: page
-- A page of what a path selects.
SELECT doc FROM ngsild_present
WHERE tenant = %(tenant)s AND doc @@ %(path)s::jsonpath AND (expires IS NULL OR expires > now())
  AND (%(pattern)s = '' OR id ~ %(pattern)s)
  AND /*rows dataset, commune*/
ORDER BY id LIMIT %(limit)s OFFSET %(offset)s

-- name: page_of_kind
-- A page of the entities that have one type only, read in the order of ids until the page is full;
-- ``within`` bounds how many are looked at. The last row says whether others have that type too.
SELECT * FROM (
    SELECT doc, false FROM (
        SELECT n.id, n.doc FROM ngsild_entity n
        WHERE n.tenant = %(tenant)s AND n.kind = %(kind)s AND (n.expires IS NULL OR n.expires > now())
          AND (n.tenant <> '' OR NOT EXISTS (SELECT FROM entity e WHERE e.id = n.id))
          AND /*rows n.dataset, n.commune*/
        ORDER BY n.id LIMIT %(within)s
    ) own
    WHERE doc @@ %(path)s::jsonpath AND (%(pattern)s = '' OR id ~ %(pattern)s)
    LIMIT %(limit)s OFFSET %(offset)s
) page
UNION ALL
SELECT NULL, EXISTS (SELECT FROM ngsild_entity WHERE tenant = %(tenant)s AND kind = '')
             OR %(tenant)s = '' AND EXISTS (SELECT FROM entity WHERE type = %(short)s)

-- name: page_of_type
-- A page of all that have a type: with this type only, with several types, the platform's own.
SELECT doc FROM (
    (SELECT id, doc FROM (
        SELECT n.id, n.doc FROM ngsild_entity n
        WHERE n.tenant = %(tenant)s AND n.kind = %(kind)s AND (n.expires IS NULL OR n.expires > now())
          AND (n.tenant <> '' OR NOT EXISTS (SELECT FROM entity e WHERE e.id = n.id))
          AND /*rows n.dataset, n.commune*/
        ORDER BY n.id
    ) own WHERE doc @@ %(path)s::jsonpath AND (%(pattern)s = '' OR id ~ %(pattern)s) LIMIT %(fill)s)
    UNION ALL
    (SELECT id, doc FROM (
        SELECT n.id, n.doc FROM ngsild_entity n
        WHERE n.tenant = %(tenant)s AND n.kind = '' AND (n.expires IS NULL OR n.expires > now())
          AND (n.tenant <> '' OR NOT EXISTS (SELECT FROM entity e WHERE e.id = n.id))
          AND /*rows n.dataset, n.commune*/
        ORDER BY n.id
    ) several WHERE doc @@ %(path)s::jsonpath AND (%(pattern)s = '' OR id ~ %(pattern)s) LIMIT %(fill)s)
    UNION ALL
    (SELECT id, doc FROM (
        SELECT n.id, coalesce(o.doc, '{}'::jsonb) || n.doc AS doc
        FROM ngsild_platform n LEFT JOIN ngsild_entity o ON o.tenant = '' AND o.id = n.id
        WHERE %(tenant)s = '' AND n.type = %(short)s AND (o.expires IS NULL OR o.expires > now())
          AND /*rows n.dataset, n.commune*/
        ORDER BY n.id
    ) platform WHERE doc @@ %(path)s::jsonpath AND (%(pattern)s = '' OR id ~ %(pattern)s) LIMIT %(fill)s)
) every
ORDER BY id LIMIT %(limit)s OFFSET %(offset)s

-- name: page_among
-- A page of what a path selects among some ids.
SELECT doc FROM ngsild_present
WHERE tenant = %(tenant)s AND id = ANY(%(ids)s) AND doc @@ %(path)s::jsonpath
  AND (expires IS NULL OR expires > now()) AND (%(pattern)s = '' OR id ~ %(pattern)s)
  AND /*rows dataset, commune*/
ORDER BY id LIMIT %(limit)s OFFSET %(offset)s

-- name: count
-- How many a path selects.
SELECT count(*) FROM ngsild_present
WHERE tenant = %(tenant)s AND doc @@ %(path)s::jsonpath AND (expires IS NULL OR expires > now())
  AND (%(pattern)s = '' OR id ~ %(pattern)s) AND (%(all_ids)s OR id = ANY(%(ids)s))
  AND /*rows dataset, commune*/

-- name: members
-- The ids that a path selects, each with some of its members (for ordering and for exact geometry).
SELECT id, (SELECT jsonb_object_agg(k, doc -> k) FROM unnest(%(members)s::text[]) k WHERE doc ? k)
FROM ngsild_present
WHERE tenant = %(tenant)s AND doc @@ %(path)s::jsonpath AND (expires IS NULL OR expires > now())
  AND (%(pattern)s = '' OR id ~ %(pattern)s) AND (%(all_ids)s OR id = ANY(%(ids)s))
  AND /*rows dataset, commune*/
ORDER BY id LIMIT %(limit)s

-- name: hold
-- Entities to be changed, each held until the transaction ends, with the platform's own parts; the
-- last row says whether anybody of the tenant subscribed.
WITH held AS (
    SELECT id, doc FROM ngsild_entity WHERE tenant = %(tenant)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE)
SELECT doc, false FROM held
UNION ALL
SELECT doc, true FROM ngsild_platform WHERE %(tenant)s = '' AND id = ANY(%(ids)s)
UNION ALL
SELECT NULL, EXISTS (SELECT FROM ngsild_subscription WHERE tenant = %(tenant)s AND kind = 'e')

-- name: write
-- One write: new entities (those that exist already are left, and not given back), changed ones, those
-- that go; heads of evolutions, instances of attributes, events for whoever subscribed.
WITH fresh AS (
    INSERT INTO ngsild_entity (tenant, id, doc, expires)
    SELECT %(tenant)s, doc ->> '@id', doc, (doc ->> '@expires')::timestamptz
    FROM jsonb_array_elements(%(fresh)s::jsonb) doc ORDER BY doc ->> '@id'
    ON CONFLICT (tenant, id) DO NOTHING
    RETURNING id),
changed AS (
    INSERT INTO ngsild_entity (tenant, id, doc, expires)
    SELECT %(tenant)s, doc ->> '@id', doc, (doc ->> '@expires')::timestamptz
    FROM jsonb_array_elements(%(changed)s::jsonb) doc ORDER BY doc ->> '@id'
    ON CONFLICT (tenant, id) DO UPDATE SET doc = excluded.doc, expires = excluded.expires),
gone AS (DELETE FROM ngsild_entity WHERE tenant = %(tenant)s AND id = ANY(%(gone)s)),
heads AS (
    INSERT INTO ngsild_evolution (tenant, id, doc)
    SELECT %(tenant)s, doc ->> '@id', doc FROM jsonb_array_elements(%(heads)s::jsonb) doc ORDER BY doc ->> '@id'
    ON CONFLICT (tenant, id) DO UPDATE
    SET doc = CASE WHEN ngsild_evolution.doc ? '@deleted' THEN excluded.doc
              ELSE excluded.doc || jsonb_build_object('@created', ngsild_evolution.doc -> '@created') END),
known AS (
    INSERT INTO ngsild_evolution (tenant, id, doc)
    SELECT %(tenant)s, doc ->> '@id', doc FROM jsonb_array_elements(%(known)s::jsonb) doc ORDER BY doc ->> '@id'
    ON CONFLICT (tenant, id) DO NOTHING),
instances AS (
    INSERT INTO ngsild_instance (tenant, entity, attribute, dataset, observed, created, modified, deleted, number, doc)
    SELECT %(tenant)s, r.entity, r.attribute, r.dataset,
           (r.doc ->> 'observedAt')::timestamptz, (r.doc ->> 'createdAt')::timestamptz,
           (r.doc ->> 'modifiedAt')::timestamptz, (r.doc ->> 'deletedAt')::timestamptz,
           CASE jsonb_typeof(r.doc -> 'value') WHEN 'number' THEN (r.doc ->> 'value')::double precision END, r.doc
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(entity text, attribute text, dataset text, doc jsonb)),
events AS (
    INSERT INTO ngsild_event (tenant, entity, body)
    SELECT %(tenant)s, body ->> 'entity', body FROM jsonb_array_elements(%(events)s::jsonb) body
    RETURNING 1)
SELECT id FROM fresh
UNION ALL
SELECT CASE WHEN count(*) > 0 THEN pg_notify('clapas_context', '')::text END FROM events

-- name: evolve
-- Instances that a temporal write adds; one of the same dataset id and instant takes the place of the former.
WITH given AS (
    SELECT r.entity, r.attribute, r.dataset, (r.doc ->> 'observedAt')::timestamptz AS observed, r.doc
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(entity text, attribute text, dataset text, doc jsonb)),
former AS (
    DELETE FROM ngsild_instance n USING given g
    WHERE n.tenant = %(tenant)s AND n.entity = g.entity AND n.attribute = g.attribute
      AND n.dataset = g.dataset AND n.observed = g.observed)
INSERT INTO ngsild_instance (tenant, entity, attribute, dataset, observed, created, modified, deleted, number, doc)
SELECT %(tenant)s, g.entity, g.attribute, g.dataset, g.observed,
       (g.doc ->> 'createdAt')::timestamptz, (g.doc ->> 'modifiedAt')::timestamptz, (g.doc ->> 'deletedAt')::timestamptz,
       CASE jsonb_typeof(g.doc -> 'value') WHEN 'number' THEN (g.doc ->> 'value')::double precision END, g.doc
FROM given g

-- name: anybody
-- Whether anybody subscribed to entities of the default tenant.
SELECT 1 FROM ngsild_subscription WHERE tenant = '' AND kind = 'e' LIMIT 1

-- name: add_events
-- Events that did not come from a write at the door.
WITH events AS (
    INSERT INTO ngsild_event (tenant, entity, body)
    SELECT %(tenant)s, body ->> 'entity', body FROM jsonb_array_elements(%(events)s::jsonb) body RETURNING 1)
SELECT CASE WHEN count(*) > 0 THEN pg_notify('clapas_context', '') END FROM events

-- name: take_events
-- Events that nobody else is handling.
SELECT seq, tenant, body FROM ngsild_event ORDER BY seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: events_done
-- Handled.
DELETE FROM ngsild_event WHERE seq = ANY(%(seqs)s)

-- name: tenants
-- Which tenants exist.
SELECT name FROM ngsild_tenant

-- name: add_tenant
-- A tenant, at its first write.
INSERT INTO ngsild_tenant (name) VALUES (%(name)s) ON CONFLICT DO NOTHING

-- name: types
-- Types with their attributes, each with the types of its instances and how many entities have it.
SELECT t.type, a.key, array_agg(DISTINCT i ->> 'type'), count(DISTINCT p.id)
FROM ngsild_present p, jsonb_array_elements_text(p.doc -> '@type') t(type),
     jsonb_each(p.doc) a, jsonb_array_elements(CASE WHEN jsonb_typeof(a.value) = 'array'
         AND left(a.key, 1) <> '@' THEN a.value ELSE '[{}]'::jsonb END) i
WHERE p.tenant = %(tenant)s AND (%(type)s = '' OR t.type = %(type)s)
  AND /*rows dataset, commune*/
  AND (left(a.key, 1) <> '@' OR a.key = '@id')
GROUP BY 1, 2 ORDER BY 1, 2

-- name: context
-- One @context.
SELECT id, kind, url, body, ngsild_time(created), coalesce(ngsild_time(last_used), ''), hits, tenant
FROM ngsild_context WHERE id = %(id)s

-- name: context_at
-- The cached @context of an address.
SELECT id, kind, url, body, ngsild_time(created), coalesce(ngsild_time(last_used), ''), hits, tenant
FROM ngsild_context WHERE kind = 'Cached' AND url = %(url)s

-- name: contexts
-- All @contexts that a tenant sees, in the order of their making.
SELECT id, kind, url, body, ngsild_time(created), coalesce(ngsild_time(last_used), ''), hits, tenant
FROM ngsild_context
WHERE (%(kind)s = '' OR kind = %(kind)s) AND tenant IN ('', %(tenant)s) ORDER BY place

-- name: keep_context
-- A @context; a cached one takes the place of the one of the same address.
INSERT INTO ngsild_context (id, kind, url, body, tenant)
VALUES (%(id)s, %(kind)s, %(url)s, %(body)s, %(tenant)s)
ON CONFLICT (id) DO UPDATE SET body = excluded.body, created = now()

-- name: touch_context
-- A @context was used.
UPDATE ngsild_context SET last_used = now(), hits = hits + 1 WHERE id = %(id)s

-- name: drop_context
-- A @context goes.
DELETE FROM ngsild_context WHERE id = %(id)s

-- name: drop_cached
-- The cached @context of an address goes.
DELETE FROM ngsild_context WHERE kind = 'Cached' AND url = %(url)s AND id <> %(id)s

-- name: units
-- The code of each quantity's unit.
INSERT INTO ngsild_unit (quantity, code)
SELECT key, value FROM json_each_text(%(units)s::json)
ON CONFLICT (quantity) DO UPDATE SET code = excluded.code WHERE ngsild_unit.code <> excluded.code

-- name: kept
-- A small fact of this broker, made once.
WITH made AS (INSERT INTO ngsild_kept (name, value) VALUES (%(name)s, %(value)s)
              ON CONFLICT DO NOTHING RETURNING value)
SELECT value FROM made UNION ALL SELECT value FROM ngsild_kept WHERE name = %(name)s LIMIT 1

-- name: head
-- The head of one entity's evolution.
SELECT doc FROM ngsild_evolution WHERE tenant = %(tenant)s AND id = %(id)s

-- name: heads_of
-- The heads of some entities' evolutions that may be seen, in the order of ids.
SELECT e.doc || CASE WHEN n.doc IS NULL OR e.doc ? '@deleted' THEN '{}'::jsonb
                ELSE jsonb_build_object('@modified', n.doc -> '@modified') END
FROM ngsild_evolution e LEFT JOIN ngsild_entity n ON n.tenant = e.tenant AND n.id = e.id
WHERE e.tenant = %(tenant)s AND e.id = ANY(%(ids)s) AND /*rows e.dataset, e.commune*/
ORDER BY e.id

-- name: of_platform
-- Which ids are those of the platform's own entities.
SELECT id FROM entity WHERE id = ANY(%(ids)s)

-- name: fence
-- What the platform keeps of an evolution is not told any more, up to now; true for its own entities.
INSERT INTO ngsild_fence (tenant, entity, attribute, dataset, everything, until)
SELECT %(tenant)s, id, %(attribute)s, %(dataset)s, %(everything)s, now()
FROM entity WHERE id = %(id)s AND %(tenant)s = ''
ON CONFLICT (tenant, entity, attribute, dataset) DO UPDATE
SET until = now(), everything = excluded.everything OR ngsild_fence.everything
RETURNING entity

-- name: fences
-- What was deleted of some evolutions, and when.
SELECT entity, attribute, dataset, everything, until FROM ngsild_fence
WHERE tenant = '' AND entity = ANY(%(ids)s)

-- name: any_platform
-- Whether the platform has entities of its own.
SELECT 1 FROM entity LIMIT 1

-- name: add_head
-- A new evolution, or more types for the one that is there; true when new.
INSERT INTO ngsild_evolution (tenant, id, doc) VALUES (%(tenant)s, %(id)s, %(doc)s::jsonb)
ON CONFLICT (tenant, id) DO UPDATE
SET doc = (ngsild_evolution.doc || excluded.doc
           || jsonb_build_object('@created', ngsild_evolution.doc -> '@created', '@type', (
               SELECT jsonb_agg(DISTINCT t) FROM jsonb_array_elements(
                   ngsild_evolution.doc -> '@type' || (excluded.doc -> '@type')) t))) - '@deleted'
RETURNING xmax = 0

-- name: drop_evolution
-- An entity's evolution goes with all its instances.
WITH gone AS (DELETE FROM ngsild_instance WHERE tenant = %(tenant)s AND entity = %(id)s)
DELETE FROM ngsild_evolution WHERE tenant = %(tenant)s AND id = %(id)s RETURNING id

-- name: drop_scope
-- The plain scope of an evolution leaves its head; what it was, and since when the evolution is there.
WITH former AS (
    SELECT doc FROM ngsild_evolution
    WHERE tenant = %(tenant)s AND id = %(id)s AND doc ? '@scope' FOR UPDATE)
UPDATE ngsild_evolution e SET doc = e.doc - '@scope'
FROM former f WHERE e.tenant = %(tenant)s AND e.id = %(id)s
RETURNING f.doc -> '@scope', f.doc ->> '@created'

-- name: last_instances
-- The last instance of an attribute for each dataset id, unless it was deleted.
SELECT doc FROM (
    SELECT DISTINCT ON (dataset) doc, deleted FROM ngsild_instance
    WHERE tenant = %(tenant)s AND entity = %(id)s AND attribute = %(attribute)s
      AND (%(everything)s OR dataset = %(dataset)s)
    ORDER BY dataset, seq DESC) last
WHERE deleted IS NULL

-- name: drop_instances
-- Instances of an attribute go.
DELETE FROM ngsild_instance
WHERE tenant = %(tenant)s AND entity = %(id)s AND attribute = %(attribute)s
  AND (%(everything)s OR dataset = %(dataset)s)
  AND (%(whole)s OR instance = %(instance)s AND instance <> '' OR seq = %(seq)s)
RETURNING seq

-- name: instance
-- One instance, to be changed.
SELECT doc FROM ngsild_instance
WHERE tenant = %(tenant)s AND entity = %(id)s AND attribute = %(attribute)s
  AND (instance = %(instance)s AND instance <> '' OR seq = %(seq)s)
FOR UPDATE

-- name: set_instance
-- One instance changed.
UPDATE ngsild_instance
SET doc = %(doc)s::jsonb, observed = (%(doc)s::jsonb ->> 'observedAt')::timestamptz,
    modified = (%(doc)s::jsonb ->> 'modifiedAt')::timestamptz,
    number = CASE jsonb_typeof(%(doc)s::jsonb -> 'value')
             WHEN 'number' THEN (%(doc)s::jsonb ->> 'value')::double precision END
WHERE tenant = %(tenant)s AND entity = %(id)s AND attribute = %(attribute)s
  AND (instance = %(instance)s AND instance <> '' OR seq = %(seq)s)

-- name: evolution
-- Instances in a time range, the last ones of each attribute when asked, the oldest first.
SELECT entity, attribute, dataset, instance, at, doc FROM (
    SELECT i.entity, i.attribute, i.dataset,
           CASE WHEN i.instance = '' THEN 'urn:ngsi-ld:Instance:' || i.seq ELSE i.instance END AS instance, i.doc, i.seq, i.at,
           CASE WHEN %(last)s > 0 THEN row_number() OVER (
               PARTITION BY i.entity, i.attribute, i.dataset ORDER BY i.at DESC, i.seq DESC) END AS place
    FROM (
        SELECT n.*, CASE %(property)s WHEN 'observedAt' THEN n.observed WHEN 'createdAt' THEN n.created
                    WHEN 'modifiedAt' THEN n.modified ELSE n.deleted END AS at
        FROM ngsild_instance n
        WHERE n.tenant = %(tenant)s AND n.entity = ANY(%(ids)s)
          AND (%(property)s <> 'observedAt' OR %(open)s
               OR (n.observed >= %(start)s AND n.observed < %(end)s))
    ) i
    WHERE (%(all_attributes)s OR i.attribute = ANY(%(attributes)s))
      AND (%(all_datasets)s OR i.dataset = ANY(%(datasets)s))
      AND (%(open)s OR (i.at >= %(start)s AND i.at < %(end)s))
      AND (i.at IS NOT NULL OR %(property)s = 'observedAt' AND i.deleted IS NULL)
) numbered
WHERE place IS NULL OR place <= %(last)s
ORDER BY entity, at NULLS FIRST, seq
LIMIT %(limit)s

-- name: evolved
-- Entities with instances in a time range whose head and instances satisfy the paths.
SELECT e.id, f.members -> %(geo)s
FROM ngsild_evolution e,
LATERAL (
    SELECT jsonb_object_agg(g.attribute, g.docs) AS members FROM (
        SELECT n.attribute, CASE WHEN %(deep)s THEN jsonb_agg(n.doc) ELSE '[]'::jsonb END AS docs
        FROM ngsild_instance n
        WHERE n.tenant = %(tenant)s AND n.entity = e.id
          AND (%(all_attributes)s OR n.attribute = ANY(%(attributes)s))
          AND (%(all_datasets)s OR n.dataset = ANY(%(wanted_datasets)s))
          AND (%(open)s OR (CASE %(property)s WHEN 'observedAt' THEN n.observed WHEN 'createdAt' THEN n.created
               WHEN 'modifiedAt' THEN n.modified ELSE n.deleted END >= %(start)s
               AND CASE %(property)s WHEN 'observedAt' THEN n.observed WHEN 'createdAt' THEN n.created
               WHEN 'modifiedAt' THEN n.modified ELSE n.deleted END < %(end)s))
        GROUP BY n.attribute) g
) f
WHERE e.tenant = %(tenant)s AND e.doc @@ %(head)s::jsonpath
  AND (%(pattern)s = '' OR e.id ~ %(pattern)s) AND (%(all_ids)s OR e.id = ANY(%(ids)s))
  AND f.members IS NOT NULL
  AND (NOT %(deep)s OR (e.doc || f.members) @@ %(path)s::jsonpath)
ORDER BY e.id LIMIT %(limit)s

-- name: evolved_attributes
-- Which attributes and dataset ids have instances, found by leaping through the index; with the first and
-- last instant of each in a time range.
WITH RECURSIVE leap AS (
    (SELECT n.entity, n.attribute, n.dataset FROM ngsild_instance n
     WHERE n.tenant = %(tenant)s AND n.entity = ANY(%(ids)s)
     ORDER BY n.tenant, n.entity, n.attribute, n.dataset LIMIT 1)
    UNION ALL
    SELECT f.* FROM leap l, LATERAL (
        SELECT n.entity, n.attribute, n.dataset FROM ngsild_instance n
        WHERE n.tenant = %(tenant)s AND n.entity = ANY(%(ids)s)
          AND (n.entity, n.attribute, n.dataset) > (l.entity, l.attribute, l.dataset)
        ORDER BY n.tenant, n.entity, n.attribute, n.dataset LIMIT 1) f)
SELECT l.entity, l.attribute, l.dataset, s.first, s.last
FROM leap l, LATERAL (
    SELECT min(n.observed) AS first, max(n.observed) AS last FROM ngsild_instance n
    WHERE n.tenant = %(tenant)s AND n.entity = l.entity AND n.attribute = l.attribute AND n.dataset = l.dataset
      AND (%(open)s OR (n.observed >= %(start)s AND n.observed < %(end)s))) s
WHERE (%(all_attributes)s OR l.attribute = ANY(%(attributes)s))
  AND (%(all_datasets)s OR l.dataset = ANY(%(datasets)s)) AND s.first IS NOT NULL

-- name: aggregated
-- Numbers of one attribute by period.
SELECT width_bucket(n.observed, %(edges)s::timestamptz[]) AS bucket,
       count(*), sum(n.number), avg(n.number), min(n.number), max(n.number)
FROM ngsild_instance n
WHERE n.tenant = %(tenant)s AND n.entity = %(id)s AND n.attribute = %(attribute)s AND n.dataset = %(dataset)s
  AND n.number IS NOT NULL AND n.observed IS NOT NULL
  AND (%(open)s OR (n.observed >= %(start)s AND n.observed < %(end)s))
GROUP BY 1 ORDER BY 1

-- name: dispersed
-- The aggregates that cost more: different values, dispersion.
SELECT width_bucket(n.observed, %(edges)s::timestamptz[]) AS bucket,
       count(DISTINCT n.number), stddev_pop(n.number), sum(n.number * n.number)
FROM ngsild_instance n
WHERE n.tenant = %(tenant)s AND n.entity = %(id)s AND n.attribute = %(attribute)s AND n.dataset = %(dataset)s
  AND n.number IS NOT NULL AND n.observed IS NOT NULL
  AND (%(open)s OR (n.observed >= %(start)s AND n.observed < %(end)s))
GROUP BY 1 ORDER BY 1

-- name: others
-- Values of one attribute that are not numbers, to be counted by period.
SELECT width_bucket(n.observed, %(edges)s::timestamptz[]), n.doc
FROM ngsild_instance n
WHERE n.tenant = %(tenant)s AND n.entity = %(id)s AND n.attribute = %(attribute)s AND n.dataset = %(dataset)s
  AND n.number IS NULL AND n.observed IS NOT NULL AND n.deleted IS NULL
  AND (%(open)s OR (n.observed >= %(start)s AND n.observed < %(end)s))
ORDER BY n.observed LIMIT 100000

-- name: add_subscription
-- A new subscription; nothing when its id is taken.
INSERT INTO ngsild_subscription (tenant, kind, id, body, state)
VALUES (%(tenant)s, %(kind)s, %(id)s, %(body)s, %(state)s) ON CONFLICT DO NOTHING RETURNING id

-- name: set_subscription
-- A subscription changed.
UPDATE ngsild_subscription SET body = %(body)s, state = state || %(state)s
WHERE tenant = %(tenant)s AND kind = %(kind)s AND id = %(id)s

-- name: drop_subscription
-- A subscription goes; what waits for it goes too, and first, by number: in the order in which results are written.
WITH held AS (SELECT id FROM ngsild_delivery
    WHERE tenant = %(tenant)s AND kind = %(kind)s AND subscription = %(id)s AND done IS NULL
    ORDER BY id FOR UPDATE),
waiting AS (DELETE FROM ngsild_delivery WHERE id IN (SELECT id FROM held) RETURNING id)
DELETE FROM ngsild_subscription WHERE tenant = %(tenant)s AND kind = %(kind)s AND id = %(id)s
  AND (SELECT count(*) FROM waiting) >= 0 RETURNING id

-- name: subscription
-- One subscription.
SELECT body, state FROM ngsild_subscription
WHERE tenant = %(tenant)s AND kind = %(kind)s AND id = %(id)s

-- name: subscriptions
-- A page of subscriptions, in the order of their making.
SELECT kind, body, state FROM ngsild_subscription WHERE tenant = %(tenant)s AND kind = 'e'
ORDER BY place LIMIT %(limit)s OFFSET %(offset)s

-- name: count_subscriptions
-- How many there are.
SELECT count(*) FROM ngsild_subscription WHERE tenant = %(tenant)s AND kind = 'e'

-- name: all_subscriptions
-- All subscriptions, for the notifier.
SELECT tenant, body, state FROM ngsild_subscription WHERE kind = %(kind)s ORDER BY place

-- name: lead
-- Whether this process is the one that notifies; held until its transaction ends.
SELECT pg_try_advisory_xact_lock(4912)

-- name: matches
-- Which documents satisfy which paths.
SELECT p.place, d.doc @@ p.path::jsonpath
FROM jsonb_to_recordset(%(pairs)s::jsonb) AS p(place integer, document integer, path text)
JOIN (SELECT ordinality - 1 AS place, value AS doc FROM jsonb_array_elements(%(docs)s::jsonb) WITH ORDINALITY) d
  ON d.place = p.document

-- name: add_deliveries
-- Notifications to be sent.
INSERT INTO ngsild_delivery (tenant, kind, subscription, endpoint, headers, body)
SELECT tenant, kind, subscription, endpoint, headers, body
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r(tenant text, kind "char", subscription text, endpoint text, headers jsonb, body jsonb)

-- name: due_deliveries
-- What is to be sent now, but not to endpoints that are busy.
SELECT id, tenant, kind, subscription, endpoint, headers, body, attempts FROM ngsild_delivery
WHERE done IS NULL AND due <= now() AND endpoint <> ALL(%(busy)s) ORDER BY id LIMIT %(limit)s

-- name: delivered
-- The results of deliveries, in the ledger and in their subscriptions.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, ok boolean, result text, at text)),
held AS (
    SELECT id FROM ngsild_delivery WHERE id IN (SELECT id FROM given) ORDER BY id FOR UPDATE),
ledger AS (
    UPDATE ngsild_delivery d SET done = now(), result = g.result, attempts = attempts + 1
    FROM given g WHERE d.id = g.id AND g.id IN (SELECT id FROM held) RETURNING d.tenant, d.kind, d.subscription, g.ok, g.at),
summed AS (
    SELECT tenant, kind, subscription, count(*) AS sent, count(*) FILTER (WHERE NOT ok) AS failed,
           max(at) AS last, max(at) FILTER (WHERE ok) AS success, max(at) FILTER (WHERE NOT ok) AS failure
    FROM ledger GROUP BY 1, 2, 3)
UPDATE ngsild_subscription s SET state = s.state || jsonb_strip_nulls(jsonb_build_object(
    'timesSent', coalesce((s.state ->> 'timesSent')::bigint, 0) + l.sent,
    'timesFailed', nullif(coalesce((s.state ->> 'timesFailed')::bigint, 0) + l.failed, 0),
    'lastNotification', l.last, 'lastSuccess', l.success, 'lastFailure', l.failure,
    'status', CASE WHEN l.failure = l.last THEN 'failed' ELSE 'ok' END))
FROM summed l WHERE s.tenant = l.tenant AND s.kind = l.kind AND s.id = l.subscription

-- name: under_way
-- Whether a notification that was just made is still on its first way.
SELECT 1 FROM ngsild_delivery WHERE tenant = %(tenant)s AND kind = %(kind)s AND subscription = %(subscription)s
  AND done IS NULL AND attempts = 0 AND created > now() - interval '1 second' LIMIT 1

-- name: postponed
-- A delivery that failed is tried again later.
UPDATE ngsild_delivery SET attempts = attempts + 1, due = now() + make_interval(secs => %(seconds)s),
       result = %(result)s WHERE id = %(id)s

-- name: deliveries
-- The ledger of a subscription, the newest first.
SELECT id, endpoint, ngsild_time(created), attempts, coalesce(ngsild_time(done), ''), result, body
FROM ngsild_delivery WHERE tenant = %(tenant)s AND kind = %(kind)s AND subscription = %(subscription)s
  AND (%(before)s = 0 OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s

-- name: replay
-- Deliveries of the ledger that are sent again.
UPDATE ngsild_delivery SET done = NULL, due = now(), attempts = 0
WHERE tenant = %(tenant)s AND kind = %(kind)s AND subscription = %(subscription)s AND id = ANY(%(ids)s)

-- name: expired
-- Entities that have expired.
SELECT tenant, id FROM ngsild_entity WHERE expires <= now() LIMIT 1000

-- name: expired_attributes
-- Entities with an instance of an attribute that has expired.
SELECT tenant, id FROM ngsild_entity
WHERE jsonb_path_exists(doc, '$.*[*].expiresAt') AND EXISTS (
    SELECT 1 FROM jsonb_path_query(doc, '$.*[*].expiresAt') e
    WHERE (e #>> '{}')::timestamptz <= now())
LIMIT 1000

-- name: notify
-- Wake the notifiers.
SELECT pg_notify('clapas_context', %(payload)s)

-- name: add_registration
-- A new registration; nothing when its id is taken.
INSERT INTO ngsild_registration (tenant, id, body, expires)
VALUES (%(tenant)s, %(id)s, %(body)s, %(expires)s) ON CONFLICT DO NOTHING RETURNING id

-- name: set_registration
-- A registration changed.
UPDATE ngsild_registration SET body = %(body)s, expires = %(expires)s
WHERE tenant = %(tenant)s AND id = %(id)s

-- name: drop_registration
-- A registration goes.
DELETE FROM ngsild_registration WHERE tenant = %(tenant)s AND id = %(id)s RETURNING id

-- name: registration
-- One registration.
SELECT body FROM ngsild_registration
WHERE tenant = %(tenant)s AND id = %(id)s AND (expires IS NULL OR expires > now())

-- name: registrations
-- All registrations of a tenant, in the order of their making.
SELECT body FROM ngsild_registration
WHERE tenant = %(tenant)s AND (expires IS NULL OR expires > now()) ORDER BY place

-- name: sources_subscriptions
-- Who subscribed to registrations.
SELECT body, state FROM ngsild_subscription WHERE tenant = %(tenant)s AND kind = 'c' ORDER BY place
