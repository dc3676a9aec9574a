-- name: indicator
-- One number a series over its usable final values: an expression of aggregates that was checked word by word.
SELECT series, toFloat64(/*expression*/) AS found
FROM (
    SELECT series, value, toTimeZone(measured, {zone:String}) AS civil
    FROM observation FINAL
    WHERE series IN {series:Array(UInt32)}
      AND measured >= fromUnixTimestamp64Milli({start:Int64}) AND measured < fromUnixTimestamp64Milli({end:Int64})
      AND bitAnd(quality, {unusable:UInt8}) = 0
)
GROUP BY series
