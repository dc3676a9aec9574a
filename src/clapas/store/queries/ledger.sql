-- name: blocks
-- The blocks of a log's outcomes, each with the names of its parts.
SELECT extract(partition, ',(\\d+)') AS block, arrayStringConcat(arraySort(groupArray(name)), ' ') AS names
FROM system.parts
WHERE database = currentDatabase() AND table = 'outcome' AND active
  AND extract(partition, '^\\((\\d+)') = toString({log:UInt16})
GROUP BY partition ORDER BY toUInt64(block)

-- name: counts
-- Messages of one block by source, result and reason: final rows, counted.
SELECT source, toString(result) AS result, reason, count() AS messages
FROM outcome FINAL
WHERE log = {log:UInt16} AND sequence >= {first:UInt64} AND sequence <= {last:UInt64}
GROUP BY source, result, reason
ORDER BY source, result, reason

-- name: upto
-- How many messages have an outcome.
SELECT count() AS messages FROM outcome FINAL
WHERE log = {log:UInt16} AND sequence <= {sequence:UInt64}

-- name: present
-- Sequences with an outcome.
SELECT DISTINCT sequence FROM outcome
WHERE log = {log:UInt16} AND sequence >= {first:UInt64} AND sequence <= {last:UInt64}
ORDER BY sequence

-- name: by_source
-- Each source's last message and last day.
SELECT source, toUnixTimestamp64Milli(max(received)) AS last,
       countIf(received > now64(3) - INTERVAL 24 HOUR) AS messages,
       countIf(result = 'rejected' AND received > now64(3) - INTERVAL 24 HOUR) AS rejects
FROM outcome FINAL
WHERE received > now64(3) - INTERVAL 30 DAY
GROUP BY source ORDER BY source

-- name: rates
-- Messages by minute.
SELECT toInt64(intDiv(toUnixTimestamp(received), 60)) AS minute, uniqExact(log, sequence) AS messages
FROM outcome
WHERE received > now64(3) - toIntervalMinute({minutes:UInt32} + 1)
GROUP BY minute
