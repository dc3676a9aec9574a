-- name: gateways
-- Gateways that devices were last heard by: how many, how many are silent, when one was heard last.
SELECT s.gateway, count(*), count(*) FILTER (WHERE s.received < %(now)s - 2 * e.expected),
       greatest(max(s.received), max(g.last_seen)), min(e.expected), max(coalesce(nullif(g.name, ''), s.gateway))
FROM device d
JOIN device_seen s ON s.device = d.id
LEFT JOIN model m ON m.id = d.model
LEFT JOIN gateway g ON g.id = s.gateway
CROSS JOIN LATERAL (SELECT make_interval(secs => coalesce(m.interval_s, 3600)) AS expected) e
WHERE d.lifecycle = 'active' AND s.gateway <> ''
GROUP BY s.gateway

-- name: silent
-- Active devices that should have spoken: the gateway that last heard them, since when.
SELECT d.key, coalesce(s.gateway, ''), s.received, d.created, coalesce(m.interval_s, 3600)
FROM device d
LEFT JOIN device_seen s ON s.device = d.id
LEFT JOIN model m ON m.id = d.model
WHERE d.lifecycle = 'active'
  AND coalesce(s.received, d.created) < %(now)s - 5 * make_interval(secs => coalesce(m.interval_s, 3600))
ORDER BY d.key LIMIT 100000

-- name: counts
-- What a person should look at: proposed devices, devices without commune or without model.
SELECT count(*) FILTER (WHERE lifecycle = 'proposed'),
       count(*) FILTER (WHERE commune = '' AND longitude IS NOT NULL AND latitude IS NOT NULL),
       count(*) FILTER (WHERE model = '' AND lifecycle = 'active')
FROM device

-- name: unwell
-- Devices that the last check found unwell.
SELECT d.key, h.battery_end, h.loss, h.drift_s, h.frozen, h.implausible, s.battery_level
FROM device_health h
JOIN device d ON d.id = h.device AND d.lifecycle = 'active'
LEFT JOIN device_seen s ON s.device = d.id
WHERE h.battery_end < current_date + 60 OR h.loss > 0.2 OR abs(h.drift_s) > 300 OR h.frozen <> ''
   OR h.implausible > 0.1
ORDER BY d.key LIMIT 100000

-- name: measured_by
-- Which device gives which series.
SELECT s.id, d.key, s.attribute, s.quantity
FROM series s
JOIN binding b ON b.entity = s.entity AND b.attribute = s.attribute
     AND (b.valid_to IS NULL OR b.valid_to > now())
JOIN device d ON d.id = b.device
WHERE s.id = ANY(%(series)s)
UNION
SELECT s.id, d.key, s.attribute, s.quantity
FROM series s JOIN device d ON s.entity = 'urn:ngsi-ld:Device:' || d.key
WHERE s.id = ANY(%(series)s)

-- name: save
-- What a check found; devices that are not named are well.
INSERT INTO device_health AS h (device, checked, battery_end, loss, drift_s, frozen, implausible)
SELECT d.id, now(), n.battery_end, n.loss, n.drift_s, coalesce(n.frozen, ''), n.implausible
FROM json_to_recordset(%(found)s::json)
    AS n (key text, battery_end date, loss real, drift_s real, frozen text, implausible real)
JOIN device d ON d.key = n.key
ORDER BY d.id
ON CONFLICT (device) DO UPDATE
SET checked = excluded.checked, battery_end = excluded.battery_end, loss = excluded.loss,
    drift_s = excluded.drift_s, frozen = excluded.frozen, implausible = excluded.implausible

-- name: forget
-- Before the first row of a new check.
DELETE FROM device_health WHERE checked < %(before)s

-- name: report
-- Problems that are there now; those that were known keep their first moment.
INSERT INTO repair AS r (kind, subject, since, count, detail)
SELECT kind, subject, coalesce(since, now()), count, detail
FROM json_to_recordset(%(found)s::json)
    AS n (kind text, subject text, since timestamptz, count integer, detail jsonb)
ON CONFLICT (kind, subject) DO UPDATE
SET count = excluded.count, detail = excluded.detail, seen = now()

-- name: mended
-- Problems of these kinds that are no longer there.
DELETE FROM repair WHERE kind = ANY(%(kinds)s) AND seen < %(before)s

-- name: repairs
-- Problems by kind, the ones that touch most first.
SELECT id, kind, subject, since, count, detail, muted_until > now()
FROM repair
WHERE (%(kind)s = '' OR kind = %(kind)s) AND (%(id)s = 0 OR id = %(id)s)
  AND (%(muted)s OR muted_until IS NULL OR muted_until < now())
  AND (%(everything)s OR EXISTS (
        SELECT FROM device d WHERE d.key = subject AND /*rows d.dataset, d.commune*/))
ORDER BY count DESC, since, id OFFSET %(skip)s LIMIT %(limit)s

-- name: repair_counts
-- How many problems of each kind.
SELECT kind, count(*) FROM repair
WHERE (muted_until IS NULL OR muted_until < now())
  AND (%(everything)s OR EXISTS (
        SELECT FROM device d WHERE d.key = subject AND /*rows d.dataset, d.commune*/))
GROUP BY kind ORDER BY kind

-- name: mute
-- Not to be shown for some days.
UPDATE repair SET muted_until = now() + make_interval(days => %(days)s) WHERE id = %(id)s

-- name: loss
-- Frames lost between the first and the last counter of a day, by device.
SELECT device, uniqExact(f_cnt) AS heard, max(f_cnt) - min(f_cnt) + 1 AS span
FROM raw
WHERE received > now64(3) - INTERVAL 24 HOUR AND kind = 'up' AND f_cnt IS NOT NULL
GROUP BY device
HAVING heard >= 5 AND span <= heard * 20

-- name: drift
-- How far devices' own clocks are from ours, by the median of a day (seconds, positive = theirs is fast).
SELECT device, quantileExact(0.5)(dateDiff('millisecond', received, measured)) / 1000. AS drift
FROM raw
WHERE received > now64(3) - INTERVAL 24 HOUR AND kind = 'up' AND measured IS NOT NULL
GROUP BY device
HAVING count() >= 3 AND abs(drift) > 120

-- name: stuck
-- Series of a day that never moved, or whose values are often impossible.
SELECT o.series AS series, count() AS rows, min(o.value) = max(o.value) AS frozen, any(o.value) AS value,
       countIf(bitAnd(o.quality, 1) > 0) / count() AS implausible
FROM observation AS o FINAL
WHERE o.measured > now64(3) - INTERVAL 24 HOUR
GROUP BY o.series
HAVING (rows >= 12 AND frozen) OR implausible > 0.1

-- name: batteries
-- Where batteries go: the line through the daily means of four months.
SELECT series, quantity, line.1 AS slope, line.2 AS start, days, latest
FROM (
    SELECT series, any(quantity) AS quantity,
           simpleLinearRegression(toFloat64(toInt32(day)), total / count) AS line,
           count() AS days, argMax(total / count, day) AS latest, max(day) - min(day) AS span
    FROM rollup_day FINAL
    WHERE quantity IN ('battery_level', 'battery_voltage') AND day > today() - 120 AND count > 0
    GROUP BY series
    HAVING days >= 10 AND span >= 14
)

-- name: answers
-- What networks said of downlinks since a moment.
SELECT device, kind, payload FROM raw
WHERE received > fromUnixTimestamp64Milli({since:Int64}) AND kind IN ('ack', 'txack', 'log', 'down_ack', 'down_sent', 'down_nack', 'down_failed')
ORDER BY received LIMIT 10000
