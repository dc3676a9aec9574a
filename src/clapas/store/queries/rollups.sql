-- name: h
-- Hours of series (none named: all) from final rows; those that lost all their values get count 0.
INSERT INTO rollup_hour
SELECT series, hour, max(low), max(high), sum(sums), sum(counts), groupBitOr(flags), {version:UInt64}
FROM (
    SELECT series, hour, minIf(value, usable) AS low, maxIf(value, usable) AS high,
           sumIf(value, usable) AS sums, countIf(usable) AS counts, groupBitOr(quality) AS flags
    FROM (
        SELECT series, toStartOfHour(toDateTime(measured, 'UTC')) AS hour, value, quality,
               bitAnd(quality, {unusable:UInt8}) = 0 AS usable
        FROM observation FINAL
        WHERE measured >= fromUnixTimestamp64Milli({start:Int64})
          AND measured < fromUnixTimestamp64Milli({end:Int64})
          AND has({buckets:Array(Int64)}, intDiv(toUnixTimestamp64Milli(measured), 3600000) * 3600000)
          AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
    )
    GROUP BY series, hour
    UNION ALL
    SELECT series, hour, -inf AS low, -inf AS high, 0 AS sums, 0 AS counts, 0 AS flags
    FROM rollup_hour FINAL
    WHERE hour >= toDateTime({start:Int64} / 1000, 'UTC') AND hour < toDateTime({end:Int64} / 1000, 'UTC')
      AND has({buckets:Array(Int64)}, toInt64(toUnixTimestamp(hour)) * 1000) AND count > 0
      AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
)
GROUP BY series, hour

-- name: d
-- Civil days of series (none named: all) from final rows, with each series' quantity.
INSERT INTO rollup_day
SELECT quantity, day, series, max(low), max(high), sum(sums), sum(counts), groupBitOr(flags), {version:UInt64}
FROM (
    SELECT place.quantity AS quantity, o.day AS day, o.series AS series, o.low AS low, o.high AS high,
           o.sums AS sums, o.counts AS counts, o.flags AS flags
    FROM (
        SELECT series, day, minIf(value, usable) AS low, maxIf(value, usable) AS high,
               sumIf(value, usable) AS sums, countIf(usable) AS counts, groupBitOr(quality) AS flags
        FROM (
            SELECT series, toDate32(measured, {zone:String}) AS day, value, quality,
                   bitAnd(quality, {unusable:UInt8}) = 0 AS usable
            FROM observation FINAL
            WHERE measured >= fromUnixTimestamp64Milli({start:Int64})
              AND measured < fromUnixTimestamp64Milli({end:Int64})
              AND has({days:Array(Date32)}, toDate32(measured, {zone:String}))
              AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
        )
        GROUP BY series, day
    ) AS o
    INNER JOIN (SELECT series, quantity FROM series_place FINAL) AS place ON place.series = o.series
    UNION ALL
    SELECT quantity, day, series, -inf AS low, -inf AS high, 0 AS sums, 0 AS counts, 0 AS flags
    FROM rollup_day FINAL
    WHERE has({days:Array(Date32)}, day) AND count > 0
      AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
)
GROUP BY quantity, day, series

-- name: merge_days
-- The parts of one month of days become one; nothing is done where there is one already.
OPTIMIZE TABLE rollup_day PARTITION ID {month:String} FINAL
SETTINGS optimize_skip_merged_partitions = 1
