-- name: mean
-- Mean of the usable readings.
avg(value)

-- name: min
-- Smallest.
min(value)

-- name: max
-- Largest.
max(value)

-- name: percentile
-- Percentile, between the two nearest readings.
quantileExactInclusive({percent:Float64} / 100)(value)

-- name: latest
-- Last reading.
argMax(value, at)

-- name: count
-- Readings.
count()

-- name: share_above
-- Share of the time that readings speak for.
sumIf(seconds, value > {high:Float64}) / sum(seconds)

-- name: share_below
-- Share of the time below a bound.
sumIf(seconds, value < {low:Float64}) / sum(seconds)

-- name: share_between
-- Share of the time between two bounds, which are inside.
sumIf(seconds, value >= {low:Float64} AND value <= {high:Float64}) / sum(seconds)

-- name: share_outside
-- Share of the time outside two bounds.
sumIf(seconds, value < {low:Float64} OR value > {high:Float64}) / sum(seconds)

-- name: hours_above
-- Hours above a bound.
sumIf(seconds, value > {high:Float64}) / 3600

-- name: largest_swing
-- Largest difference between two readings at most 24 hours apart.
max(swing)

-- name: still_hours
-- Hours since the number last moved, at the last reading.
(max(at) - if(countIf(value != before) > 0, maxIf(at, value != before), min(at))) / 3600

-- name: falls_a_day
-- All falls together, per day of the record.
sumIf(before - value, value < before) / greatest((max(at) - min(at)) / 86400, 1)
