-- name: links
-- How each gateway heard a device since a moment, from its raw uplinks (the copies that the log has).
SELECT link.1 AS gateway, count() AS frames, avg(link.2) AS rssi, avg(link.3) AS snr, max(link.3) AS best_snr,
       toUnixTimestamp64Milli(max(received)) AS last
FROM (
    SELECT received, arrayJoin(JSONExtract(radio, 'Array(Tuple(gateway String, rssi Float64, snr Float64))')) AS link
    FROM (
        SELECT received, radio FROM raw
        WHERE device = {device:String} AND received >= fromUnixTimestamp64Milli({since:Int64}) AND kind = 'up' AND radio <> ''
        LIMIT 1 BY log, sequence
    )
)
GROUP BY gateway ORDER BY frames DESC, gateway LIMIT 200

-- name: rates
-- Frames of a device by data rate since a moment.
SELECT data_rate, uniqExact(log, sequence) AS frames
FROM raw
WHERE device = {device:String} AND received >= fromUnixTimestamp64Milli({since:Int64}) AND kind = 'up'
GROUP BY data_rate ORDER BY frames DESC LIMIT 32

-- name: days
-- Frames of a device heard and sent by day: the gaps in its counter are what nobody heard.
SELECT toString(toDate(received)) AS day, uniqExact(f_cnt) AS heard, max(f_cnt) - min(f_cnt) + 1 AS span
FROM raw
WHERE device = {device:String} AND received >= fromUnixTimestamp64Milli({since:Int64}) AND kind IN ('up', 'mac')
  AND f_cnt IS NOT NULL
GROUP BY day ORDER BY day LIMIT 62

-- name: receptions
-- How gateways heard the devices since a moment: one row a device and gateway.
SELECT device, link.1 AS gateway, count() AS frames, avg(link.2) AS rssi, avg(link.3) AS snr
FROM (
    SELECT device, arrayJoin(JSONExtract(radio, 'Array(Tuple(gateway String, rssi Float64, snr Float64))')) AS link
    FROM raw
    WHERE received >= fromUnixTimestamp64Milli({since:Int64}) AND kind = 'up' AND radio <> ''
)
WHERE {gateway:String} = '' OR link.1 = {gateway:String}
GROUP BY device, gateway LIMIT 500000

-- name: places
-- Where the devices stand that may be seen.
SELECT key, longitude, latitude FROM device
WHERE longitude IS NOT NULL AND latitude IS NOT NULL
  AND /*rows dataset, commune*/
ORDER BY key LIMIT 200000
