-- name: alone
-- Alarms are changed by one writer at a time.
SELECT pg_advisory_xact_lock(7406152014)

-- name: open_of
-- The open alarms of these pairs.
SELECT a.*, coalesce(e.name, '') AS name FROM alarm a
LEFT JOIN entity e ON e.id = a.entity
JOIN unnest(%(rules)s::text[], %(entities)s::text[]) AS w (rule, entity)
  ON w.rule = a.rule AND w.entity = a.entity
WHERE a.closed IS NULL

-- name: end_closed
-- What was wrong ended after a person had closed the alarm: its timeline says so, once.
INSERT INTO alarm_event (alarm, at, kind)
SELECT a.id, w.at, 'over'
FROM unnest(%(rules)s::text[], %(entities)s::text[], %(times)s::bigint[]) AS w (rule, entity, at)
JOIN LATERAL (
    SELECT id, closed, cleared FROM alarm WHERE rule = w.rule AND entity = w.entity
    ORDER BY raised DESC, id DESC LIMIT 1
) a ON a.closed = a.cleared
WHERE EXISTS (SELECT FROM alarm_event c WHERE c.alarm = a.id AND c.at = a.closed AND c.kind = 'closed' AND c.who <> '')
  AND NOT EXISTS (SELECT FROM alarm_event o WHERE o.alarm = a.id AND o.at >= a.closed AND o.kind = 'over')

-- name: aftermath
-- What became of closed alarms: how and by whom they were closed, whether it ended since, whether it is open anew.
SELECT a.id, coalesce(c.kind, ''), coalesce(c.who, ''),
       (SELECT min(o.at) FROM alarm_event o WHERE o.alarm = a.id AND o.at >= a.closed AND o.kind = 'over'),
       EXISTS (SELECT FROM alarm b WHERE b.rule = a.rule AND b.entity = a.entity AND b.closed IS NULL)
FROM alarm a
LEFT JOIN LATERAL (
    SELECT kind, who FROM alarm_event e
    WHERE e.alarm = a.id AND e.at = a.closed AND e.kind IN ('closed', 'confirmed', 'false')
    ORDER BY id DESC LIMIT 1
) c ON true
WHERE a.id = ANY(%(ids)s) AND a.closed IS NOT NULL

-- name: of_ids
-- Alarms by number.
SELECT a.*, coalesce(e.name, '') AS name FROM alarm a LEFT JOIN entity e ON e.id = a.entity
WHERE a.id = ANY(%(ids)s) ORDER BY a.id

-- name: insert
-- New alarms; their numbers in the order of the rows.
INSERT INTO alarm (rule, entity, severity, title, trade, commune, active, first, last, raised, count,
                   cleared, acknowledged, acknowledged_by, assignee, verdict, closed, series,
                   measured, value, message, parents, masked, flapping, public, because)
SELECT rule, entity, severity, title, trade, commune, active, first, last, raised, count,
       cleared, acknowledged, acknowledged_by, assignee, verdict, closed, series,
       measured, value, message,
       coalesce((SELECT array_agg(p) FROM jsonb_array_elements_text(parents) p), '{}'),
       masked, flapping, public, because
FROM json_to_recordset(%(rows)s::json)
    AS n (place integer, rule text, entity text, severity text, title text, trade text, commune text,
          active boolean, first bigint, last bigint, raised bigint, count integer, cleared bigint,
          acknowledged bigint, acknowledged_by text, assignee text, verdict text, closed bigint,
          series integer, measured bigint, value double precision, message jsonb, parents jsonb,
          masked text, flapping boolean, public boolean, because jsonb)
ORDER BY place
RETURNING id

-- name: update
-- Changed alarms.
UPDATE alarm a
SET severity = n.severity, active = n.active, last = n.last, raised = n.raised, count = n.count,
    cleared = n.cleared, acknowledged = n.acknowledged, acknowledged_by = n.acknowledged_by,
    assignee = n.assignee, verdict = n.verdict, closed = n.closed, series = n.series,
    measured = n.measured, value = n.value, message = n.message, masked = n.masked,
    flapping = n.flapping, because = n.because
FROM json_to_recordset(%(rows)s::json)
    AS n (id bigint, severity text, active boolean, last bigint, raised bigint, count integer,
          cleared bigint, acknowledged bigint, acknowledged_by text, assignee text, verdict text,
          closed bigint, series integer, measured bigint, value double precision, message jsonb,
          masked text, flapping boolean, because jsonb)
WHERE a.id = n.id

-- name: add_events
-- Lines of timelines.
INSERT INTO alarm_event (alarm, at, kind, who, values)
SELECT alarm, at, kind, who, values FROM json_to_recordset(%(rows)s::json)
    AS n (alarm bigint, at bigint, kind text, who text, values jsonb)

-- name: page
-- Alarms that may be seen: for a person what is active, then hers, come first; newest raised first.
SELECT a.*, coalesce(e.name, '') AS name,
       coalesce(nullif(s.dataset, ''), e.dataset, '') AS dataset, coalesce(s.attribute, '') AS attribute
FROM alarm a LEFT JOIN entity e ON e.id = a.entity LEFT JOIN series s ON s.id = a.series
WHERE (%(state)s = '' OR (%(state)s = 'open' AND a.closed IS NULL) OR (%(state)s = 'active' AND a.active)
       OR (%(state)s = 'new' AND a.active AND a.acknowledged IS NULL)
       OR (%(state)s = 'cleared' AND NOT a.active AND a.closed IS NULL)
       OR (%(state)s = 'closed' AND a.closed IS NOT NULL))
  AND (%(severity)s = '' OR a.severity = %(severity)s)
  AND (%(rule)s = '' OR a.rule = %(rule)s)
  AND (%(trade)s = '' OR a.trade = %(trade)s)
  AND (%(entity)s = '' OR a.entity = %(entity)s OR %(entity)s = ANY(a.parents))
  AND (%(commune)s = '' OR a.commune = %(commune)s)
  AND (%(assignee)s = '' OR a.assignee = %(assignee)s)
  AND (NOT %(public)s OR a.public)
  AND (%(q)s = '' OR a.title ILIKE %(like)s OR a.entity ILIKE %(like)s OR e.name ILIKE %(like)s)
  AND (%(start)s::bigint IS NULL
       OR (CASE WHEN %(person)s = '' THEN 0 ELSE 2 * a.active::int + (a.assignee = %(person)s)::int END, a.raised, a.id)
          < (%(start_rank)s::int, %(start)s::bigint, %(start_id)s::bigint))
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), a.commune*/
ORDER BY CASE WHEN %(person)s = '' THEN 0 ELSE 2 * a.active::int + (a.assignee = %(person)s)::int END DESC,
         a.raised DESC, a.id DESC
LIMIT %(limit)s

-- name: one
-- One alarm when it may be seen.
SELECT a.*, coalesce(e.name, '') AS name,
       coalesce(nullif(s.dataset, ''), e.dataset, '') AS dataset, coalesce(s.attribute, '') AS attribute
FROM alarm a LEFT JOIN entity e ON e.id = a.entity LEFT JOIN series s ON s.id = a.series
WHERE a.id = %(id)s
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), a.commune*/

-- name: events
-- The timeline of an alarm: its last thousand lines, oldest first.
SELECT alarm, at, kind, who, values
FROM (SELECT * FROM alarm_event WHERE alarm = %(id)s ORDER BY id DESC LIMIT 1000) AS newest ORDER BY id

-- name: counts
-- Open alarms per commune or per parent, by severity and acknowledgement.
SELECT CASE WHEN %(by)s = 'commune' THEN a.commune ELSE p.parent END AS place, a.severity,
       count(*) FILTER (WHERE a.active), count(*) FILTER (WHERE a.acknowledged IS NULL), count(*),
       coalesce(max(o.name), '')
FROM alarm a
LEFT JOIN LATERAL unnest(a.parents) AS p (parent) ON %(by)s = 'parent'
LEFT JOIN entity o ON o.id = p.parent
LEFT JOIN entity e ON e.id = a.entity LEFT JOIN series s ON s.id = a.series
WHERE a.closed IS NULL AND (%(by)s = 'commune' OR p.parent IS NOT NULL)
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), a.commune*/
GROUP BY 1, 2 ORDER BY 1, 2

-- name: active_of
-- Pairs of rule and entity that are active, for masks and for rules that are asked.
SELECT rule, entity, commune, parents FROM alarm WHERE active AND closed IS NULL AND rule = ANY(%(rules)s)

-- name: silences
-- Silences that are not over.
SELECT id, kind, rule, entity, commune, start, "end", reason, who FROM alarm_silence
WHERE "end" > %(now)s ORDER BY start, id LIMIT 1000

-- name: add_silence
-- A new time of silence.
INSERT INTO alarm_silence (kind, rule, entity, commune, start, "end", reason, who)
VALUES (%(kind)s, %(rule)s, %(entity)s, %(commune)s, %(start)s, %(end)s, %(reason)s, %(who)s)
RETURNING id

-- name: end_silence
-- End a silence now.
UPDATE alarm_silence SET "end" = greatest(%(now)s, start + 1) WHERE id = %(id)s AND "end" > %(now)s

-- name: active_series
-- The series whose readings raised what is active.
SELECT DISTINCT series FROM alarm WHERE active AND closed IS NULL AND series IS NOT NULL

-- name: active_besides
-- Active alarms of rules that are no longer in force.
SELECT rule, entity FROM alarm WHERE active AND closed IS NULL AND NOT rule = ANY(%(rules)s) LIMIT 10000

-- name: masked
-- Active alarms that something keeps quiet.
SELECT a.*, coalesce(e.name, '') AS name FROM alarm a LEFT JOIN entity e ON e.id = a.entity
WHERE a.active AND a.closed IS NULL AND a.masked <> '' ORDER BY a.id LIMIT 5000

-- name: deaf
-- Entities whose devices were heard last by a gateway that hears none of its devices any more (two at least).
SELECT DISTINCT b.entity, s.gateway
FROM (
    SELECT entity, device FROM binding WHERE entity = ANY(%(entities)s) AND valid_to IS NULL
    UNION
    SELECT own.entity, d.id FROM unnest(%(entities)s::text[]) AS own (entity)
    JOIN device d ON d.key = substr(own.entity, 20)
    WHERE own.entity LIKE 'urn:ngsi-ld:Device:%%'
) b
JOIN device_seen s ON s.device = b.device
LEFT JOIN gateway g ON g.id = s.gateway
WHERE s.gateway <> ''
  AND (SELECT count(*) FROM device_seen o WHERE o.gateway = s.gateway) > 1
  AND NOT EXISTS (
      SELECT FROM device_seen o
      JOIN device d ON d.id = o.device
      LEFT JOIN model m ON m.id = d.model
      WHERE o.gateway = s.gateway
        AND greatest(o.received, g.last_seen)
            >= to_timestamp(%(now)s / 1000.0) - make_interval(secs => 2 * coalesce(m.interval_s, 3600)))

-- name: active_on
-- Active alarms on these entities: the worst severity and how many, by entity.
SELECT a.entity, min(array_position(ARRAY['critical', 'major', 'minor', 'warning', 'indeterminate'], a.severity)),
       count(*)
FROM alarm a LEFT JOIN entity e ON e.id = a.entity LEFT JOIN series s ON s.id = a.series
WHERE a.active AND a.closed IS NULL AND (%(every)s OR a.entity = ANY(%(entities)s))
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), a.commune*/
GROUP BY a.entity LIMIT 100000

-- name: totals
-- Open alarms by severity: active, not acknowledged, mine, all.
SELECT a.severity, count(*) FILTER (WHERE a.active), count(*) FILTER (WHERE a.acknowledged IS NULL),
       count(*) FILTER (WHERE a.assignee = %(person)s), count(*)
FROM alarm a LEFT JOIN entity e ON e.id = a.entity LEFT JOIN series s ON s.id = a.series
WHERE a.closed IS NULL
  AND /*rows coalesce(nullif(s.dataset, ''), e.dataset, ''), a.commune*/
GROUP BY a.severity

-- name: raised_by
-- Each time a rule raised something since then.
SELECT a.entity, v.at, coalesce(e.name, ''), (v.values ->> 'value')::double precision
FROM alarm a
JOIN alarm_event v ON v.alarm = a.id AND v.kind IN ('raised', 'raised_again', 'repeated')
LEFT JOIN entity e ON e.id = a.entity
WHERE a.rule = %(rule)s AND v.at >= %(since)s
ORDER BY v.at DESC LIMIT 5000
