-- name: of
-- Values of series that wait, oldest write first.
SELECT series, measured, value, quality FROM tail
WHERE series = ANY(%(series)s) AND measured >= %(start)s AND measured < %(end)s
ORDER BY id

-- name: fences
-- Fences over series.
SELECT series, measured_from, measured_to, generation FROM fence
WHERE series = ANY(%(series)s) AND measured_to > %(start)s AND measured_from < %(end)s

-- name: numbers
-- A number for this transaction and its generation.
SELECT nextval('api_write'), nextval('generation')

-- name: put
-- The history tail of one write.
INSERT INTO tail (write, source, series, measured, value, received, quality, generation)
SELECT %(write)s, %(source)s, series, measured, value, received, quality, %(generation)s
FROM json_to_recordset(%(rows)s::json)
    AS n (series integer, measured bigint, value jsonb, received bigint, quality smallint)

-- name: take
-- The oldest writes that nobody else is relaying.
SELECT id, write, source, series, measured, value, received, quality, generation
FROM tail ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: relayed
-- Forget what was relayed.
DELETE FROM tail WHERE id = ANY(%(ids)s)

-- name: waiting
-- How many writes wait.
SELECT count(DISTINCT write) FROM tail

-- name: fence
-- Withdraw: the fence, the tail below it, the present state in its window.
WITH f AS (
    INSERT INTO fence (series, measured_from, measured_to, generation)
    SELECT unnest(%(series)s::integer[]), %(start)s, %(end)s, %(generation)s
),
t AS (DELETE FROM tail WHERE series = ANY(%(series)s) AND measured >= %(start)s AND measured < %(end)s)
DELETE FROM state WHERE series = ANY(%(series)s) AND measured >= %(start)s AND measured < %(end)s

-- name: fences_due
-- Fences never applied, or old enough for their last time.
SELECT id, series, measured_from, measured_to, generation, applied IS NOT NULL
FROM fence
WHERE applied IS NULL OR created < now() - make_interval(secs => %(settled)s)
ORDER BY id LIMIT 1000

-- name: fence_applied
-- Its tombstones are written.
UPDATE fence SET applied = now() WHERE id = %(id)s

-- name: fence_gone
-- Nothing can be on its way any more.
DELETE FROM fence WHERE id = %(id)s
