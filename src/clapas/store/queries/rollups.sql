-- name: hour
-- One hour of all series from final rows; hours that lost all their values become count 0.
INSERT INTO rollup_hour
SELECT series, hour, max(low), max(high), sum(sums), sum(counts), groupBitOr(flags), {version:UInt64}
FROM (
    SELECT series, toDateTime({hour:Int64} / 1000, 'UTC') AS hour, minIf(value, usable) AS low,
           maxIf(value, usable) AS high, sumIf(value, usable) AS sums, countIf(usable) AS counts,
           groupBitOr(quality) AS flags
    FROM (
        SELECT series, value, quality, bitAnd(quality, {unusable:UInt8}) = 0 AS usable
        FROM observation FINAL
        WHERE measured >= fromUnixTimestamp64Milli({hour:Int64})
          AND measured < fromUnixTimestamp64Milli({hour:Int64} + 3600000)
          AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
    )
    GROUP BY series
    UNION ALL
    SELECT series, hour, -inf AS low, -inf AS high, 0 AS sums, 0 AS counts, 0 AS flags
    FROM rollup_hour FINAL
    WHERE hour = toDateTime({hour:Int64} / 1000, 'UTC') AND count > 0
      AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
)
GROUP BY series, hour

-- name: day
-- One civil day of all series from final rows, with each series' quantity.
INSERT INTO rollup_day
SELECT quantity, toDate32({day:Date32}), series, max(low), max(high), sum(sums), sum(counts),
       groupBitOr(flags), {version:UInt64}
FROM (
    SELECT place.quantity AS quantity, o.series AS series, o.low AS low, o.high AS high,
           o.sums AS sums, o.counts AS counts, o.flags AS flags
    FROM (
        SELECT series, minIf(value, usable) AS low, maxIf(value, usable) AS high,
               sumIf(value, usable) AS sums, countIf(usable) AS counts, groupBitOr(quality) AS flags
        FROM (
            SELECT series, value, quality, bitAnd(quality, {unusable:UInt8}) = 0 AS usable
            FROM observation FINAL
            WHERE measured >= fromUnixTimestamp64Milli({start:Int64})
              AND measured < fromUnixTimestamp64Milli({end:Int64})
              AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
        )
        GROUP BY series
    ) AS o
    INNER JOIN (SELECT series, quantity FROM series_place FINAL) AS place ON place.series = o.series
    UNION ALL
    SELECT quantity, series, -inf AS low, -inf AS high, 0 AS sums, 0 AS counts, 0 AS flags
    FROM rollup_day FINAL
    WHERE day = {day:Date32} AND count > 0
      AND (empty({series:Array(UInt32)}) OR has({series:Array(UInt32)}, series))
)
GROUP BY quantity, series
