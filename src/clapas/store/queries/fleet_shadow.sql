-- name: shadows
-- Platforms that we run beside, by name, with how many days were compared.
SELECT s.name, s.label, s.query, s.rules, s.state, s.actor, s.started, s.ended, s.ended_by,
       (SELECT count(*) FROM shadow_day d WHERE d.shadow = s.name)
FROM shadow s
WHERE (%(name)s = '' OR s.name = %(name)s) AND (%(state)s = '' OR s.state = %(state)s) ORDER BY s.name

-- name: save
-- Begin to run beside a platform, or change what is compared.
INSERT INTO shadow (name, label, query, rules, actor)
VALUES (%(name)s, %(label)s, %(chosen)s::jsonb, %(rules)s::jsonb, %(actor)s)
ON CONFLICT (name) DO UPDATE SET label = excluded.label, query = excluded.query, rules = excluded.rules
WHERE shadow.state = 'running'

-- name: end
-- Cut over, or leave.
UPDATE shadow SET state = %(state)s, ended = now(), ended_by = %(actor)s
WHERE name = %(name)s AND state = 'running'

-- name: keep_day
-- What was found on a day; a second comparison replaces the first.
INSERT INTO shadow_day (shadow, day, report) VALUES (%(name)s, %(day)s, %(report)s::jsonb)
ON CONFLICT (shadow, day) DO UPDATE SET report = excluded.report, compared = now()

-- name: days
-- Days that were compared, the newest first.
SELECT day, report, compared FROM shadow_day WHERE shadow = %(name)s AND day < %(before)s
ORDER BY day DESC LIMIT %(limit)s

-- name: measured
-- Which series holds what a device measured between two moments, by attribute and by channel.
SELECT DISTINCT ON (key, word) key, word, series FROM (
    SELECT d.key, w.word, s.id AS series, w.rank
    FROM device d
    JOIN binding b ON b.device = d.id AND (b.valid_from IS NULL OR b.valid_from < %(end)s)
         AND (b.valid_to IS NULL OR b.valid_to > %(start)s)
    JOIN series s ON s.entity = b.entity AND s.attribute = b.attribute
    CROSS JOIN LATERAL (VALUES (b.attribute, 0), (b.channel, 1)) AS w (word, rank)
    WHERE d.key = ANY(%(keys)s)
    UNION ALL
    SELECT d.key, s.attribute, s.id, 2
    FROM device d JOIN series s ON s.entity = 'urn:ngsi-ld:Device:' || d.key
    WHERE d.key = ANY(%(keys)s)
) AS found ORDER BY key, word, rank

-- name: values
-- Every number of some series between two moments.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value
FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
