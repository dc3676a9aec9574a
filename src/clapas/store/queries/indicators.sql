-- name: measured
-- Usable final values of series in the period.
SELECT series, toUnixTimestamp64Milli(measured) / 1000 AS at, value
FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
  AND bitAnd(quality, {unusable:UInt8}) = 0

-- name: derived
-- What some sources do not send: the last total known at each value, minus the value, never below 0.
SELECT parts.series AS series, parts.at AS at, greatest(totals.value - parts.value, 0) AS value
FROM (
    SELECT series, transform(series, {series:Array(UInt32)}, {totals:Array(UInt32)}, toUInt32(0)) AS whole,
           toUnixTimestamp64Milli(measured) / 1000 AS at, value
    FROM observation FINAL
    WHERE series IN {series:Array(UInt32)}
      AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
      AND bitAnd(quality, {unusable:UInt8}) = 0
) AS parts
ASOF INNER JOIN (
    SELECT series AS whole, toUnixTimestamp64Milli(measured) / 1000 AS at, value
    FROM observation FINAL
    WHERE series IN {totals:Array(UInt32)}
      AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
      AND bitAnd(quality, {unusable:UInt8}) = 0
) AS totals ON parts.whole = totals.whole AND totals.at <= parts.at

-- name: figures
-- Numbers of each series over the civil days and hours that count, and the seconds that its readings speak for.
SELECT series, sum(seconds) AS covered/*numbers*/
FROM (
    SELECT series, at, value, civil, before, swing,
           least(until - at, greatest({interval:Float64}, if(known >= {some:UInt64}, ifNull(usual, 0), 0))) AS seconds
    FROM (
        SELECT series, at, value, civil,
               lagInFrame(value, 1, value) OVER previous AS before,
               leadInFrame(at, 1, {last:Float64}) OVER following AS until,
               max(value) OVER day - min(value) OVER day AS swing,
               quantileExactInclusive(0.25)(step) OVER (PARTITION BY series) AS usual,
               count() OVER (PARTITION BY series) AS known
        FROM (
            SELECT series, at, value, civil, at - lagInFrame(toNullable(at)) OVER previous AS step
            FROM (
                SELECT series, at, value, toDateTime(at, {zone:String}) AS civil
                FROM (/*source*/)
                WHERE has({days:Array(UInt8)}, toDayOfWeek(civil))
                  AND toHour(civil) * 3600 + toMinute(civil) * 60 + toSecond(civil) >= {opens:UInt32}
                  AND toHour(civil) * 3600 + toMinute(civil) * 60 + toSecond(civil) < {closes:UInt32}
            )
            WINDOW previous AS (PARTITION BY series ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
        )
        WINDOW previous AS (PARTITION BY series ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW),
               following AS (PARTITION BY series ORDER BY at ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING),
               day AS (PARTITION BY series ORDER BY at RANGE BETWEEN 86400 PRECEDING AND CURRENT ROW)
    )
)
GROUP BY series

-- name: suspect
-- Share of the readings received that are flagged and left out.
SELECT series, countIf(bitAnd(quality, {unusable:UInt8}) != 0) / count() AS share
FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
GROUP BY series

-- name: began
-- The first usable reading of each series in the period.
SELECT series, toUnixTimestamp64Milli(min(measured)) AS first
FROM observation FINAL
WHERE series IN {series:Array(UInt32)}
  AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
  AND bitAnd(quality, {unusable:UInt8}) = 0
GROUP BY series
