-- name: mark
-- What a batch touched must be rolled up again.
INSERT INTO dirty_bucket AS d (kind, bucket, series)
SELECT kind::"char", bucket, series
FROM json_to_recordset(%(marks)s::json) AS m (kind text, bucket bigint, series integer)
ORDER BY 1, 2, 3
ON CONFLICT (kind, bucket, series) DO UPDATE SET marks = d.marks + 1

-- name: within
-- Marks of a window that concern these series.
SELECT bucket, series FROM dirty_bucket
WHERE kind = %(kind)s::"char" AND bucket >= %(start)s AND bucket < %(end)s
  AND (series = -1 OR series = ANY(%(series)s))

-- name: take
-- The oldest buckets with all their marks.
SELECT bucket, series, marks FROM dirty_bucket
WHERE kind = %(kind)s::"char" AND bucket IN (
    SELECT DISTINCT bucket FROM dirty_bucket
    WHERE kind = %(kind)s::"char" AND (since < now() - make_interval(secs => %(age)s) OR bucket < %(ended)s)
    ORDER BY bucket LIMIT %(limit)s)

-- name: done
-- Forget marks that nobody renewed meanwhile.
DELETE FROM dirty_bucket d USING json_to_recordset(%(marks)s::json)
    AS m (bucket bigint, series integer, marks bigint)
WHERE d.kind = %(kind)s::"char" AND d.bucket = m.bucket AND d.series = m.series AND d.marks = m.marks

-- name: renew
-- Marks that were renewed while they were rebuilt wait their full age again.
UPDATE dirty_bucket SET since = now() WHERE kind = %(kind)s::"char" AND bucket = ANY(%(buckets)s)

-- name: pending
-- How many buckets wait.
SELECT count(DISTINCT (kind, bucket)) FROM dirty_bucket
