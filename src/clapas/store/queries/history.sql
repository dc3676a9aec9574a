-- name: raw_values
-- Final values of series, in order, up to a bound.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value, quality, generation
FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
ORDER BY series, measured
LIMIT {limit:UInt64}

-- name: steps
-- Aggregates of the usable values of each step of a fixed length, from final rows.
SELECT series, intDiv(toUnixTimestamp64Milli(measured), {step:Int64}) * {step:Int64} AS time,
       minIf(value, usable) AS minimum, maxIf(value, usable) AS maximum, sumIf(value, usable) AS total,
       countIf(usable) AS count, groupBitOr(quality) AS quality
FROM (
    SELECT series, measured, value, quality, bitAnd(quality, {unusable:UInt8}) = 0 AS usable
    FROM observation FINAL
    WHERE series IN {series:Array(UInt32)}
      AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
)
GROUP BY series, time HAVING count > 0
ORDER BY series, time
LIMIT {limit:UInt64}

-- name: days
-- The same by civil day of a timezone.
SELECT series,
       toInt64(toUnixTimestamp(toStartOfDay(measured, {zone:String}))) * 1000 AS time,
       minIf(value, usable) AS minimum, maxIf(value, usable) AS maximum, sumIf(value, usable) AS total,
       countIf(usable) AS count, groupBitOr(quality) AS quality
FROM (
    SELECT series, measured, value, quality, bitAnd(quality, {unusable:UInt8}) = 0 AS usable
    FROM observation FINAL
    WHERE series IN {series:Array(UInt32)}
      AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
)
GROUP BY series, time HAVING count > 0
ORDER BY series, time
LIMIT {limit:UInt64}

-- name: rolled_hours
-- Hours from the roll-up, of series and hours that no mark says to rebuild.
SELECT series, toInt64(toUnixTimestamp(hour)) * 1000 AS time, minimum, maximum, total, count, quality
FROM rollup_hour FINAL
WHERE series IN {series:Array(UInt32)}
  AND hour >= toDateTime({start:Int64} / 1000, 'UTC') AND hour < toDateTime({end:Int64} / 1000, 'UTC')
  AND count > 0
ORDER BY series, hour
LIMIT {limit:UInt64}

-- name: rolled_days
-- Civil days from the roll-up.
SELECT series, toInt64(toUnixTimestamp(toDateTime(day, {zone:String}))) * 1000 AS time,
       minimum, maximum, total, count, quality
FROM rollup_day FINAL
WHERE quantity IN (SELECT quantity FROM series_place FINAL WHERE series IN {series:Array(UInt32)})
  AND series IN {series:Array(UInt32)}
  AND day >= {first:Date32} AND day < {last:Date32} AND count > 0
ORDER BY series, day
LIMIT {limit:UInt64}

-- name: daily
-- One quantity per civil day over the series that may be seen.
SELECT toString(r.day) AS civil, min(r.minimum) AS lowest, sum(r.total) / sum(r.count) AS mean,
       max(r.maximum) AS highest,
       sum(r.count) AS readings, count() AS counted
FROM rollup_day AS r FINAL
WHERE r.quantity = {quantity:String} AND r.day >= {first:Date32} AND r.day < {last:Date32} AND r.count > 0
  AND /*visible*/
GROUP BY r.day
ORDER BY r.day
LIMIT 5000

-- name: texts
-- Text and structured values, newest first.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value, lag, log, sequence, quality, codec, generation
FROM observation_text FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
ORDER BY measured DESC, series
LIMIT {limit:UInt64}

-- name: one
-- One number with its provenance.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value, lag, log, sequence, quality, codec, generation
FROM observation FINAL
WHERE series = {series:UInt32} AND measured = fromUnixTimestamp64Milli({measured:Int64})

-- name: one_text
-- One text with its provenance.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value, lag, log, sequence, quality, codec, generation
FROM observation_text FINAL
WHERE series = {series:UInt32} AND measured = fromUnixTimestamp64Milli({measured:Int64})

-- name: of_messages
-- The final numbers that messages gave.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value, lag, log, sequence, quality, codec, generation
FROM observation FINAL
WHERE log = {log:UInt16} AND sequence >= {first:UInt64} AND sequence <= {last:UInt64}
ORDER BY sequence, series, measured
LIMIT 5000000

-- name: texts_of_messages
-- The final texts that messages gave.
SELECT series, toUnixTimestamp64Milli(measured) AS time, value, lag, log, sequence, quality, codec, generation
FROM observation_text FINAL
WHERE log = {log:UInt16} AND sequence >= {first:UInt64} AND sequence <= {last:UInt64}
ORDER BY sequence, series, measured
LIMIT 5000000

-- name: withdraw
-- Tombstones over the numbers of a series that are older than a generation.
INSERT INTO observation
SELECT series, measured, value, lag, log, sequence, quality, codec, {generation:UInt32}, 1
FROM observation FINAL
WHERE series = {series:UInt32} AND generation < {generation:UInt32}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})

-- name: withdraw_texts
-- The same over texts.
INSERT INTO observation_text
SELECT series, measured, value, lag, log, sequence, quality, codec, {generation:UInt32}, 1
FROM observation_text FINAL
WHERE series = {series:UInt32} AND generation < {generation:UInt32}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})

-- name: hours_of
-- The hours in which a series has numbers.
SELECT DISTINCT toInt64(toUnixTimestamp(toStartOfHour(measured))) * 1000 AS hour
FROM observation FINAL
WHERE series = {series:UInt32} AND generation < {generation:UInt32}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
LIMIT 2000000

-- name: began
-- The oldest hour that was rolled up, from the parts alone.
SELECT count() AS parts, toInt64(toUnixTimestamp(min(min_time))) AS first
FROM system.parts WHERE database = currentDatabase() AND table = 'rollup_hour' AND active AND rows > 0

-- name: sizes
-- Rows and bytes by table.
SELECT table AS name, toInt64(sum(rows)) AS rows, toInt64(sum(bytes_on_disk)) AS bytes
FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table ORDER BY table

-- name: compact
-- Merge all parts.
OPTIMIZE TABLE observation FINAL
