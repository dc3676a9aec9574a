-- name: log_id
-- The number of a log's incarnation, made when it is new (without burning a number otherwise).
WITH known AS (SELECT id FROM log WHERE name = %(name)s AND incarnation = %(incarnation)s),
made AS (
    INSERT INTO log (name, incarnation)
    SELECT %(name)s, %(incarnation)s WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (name, incarnation) DO UPDATE SET name = excluded.name
    RETURNING id
)
SELECT id FROM known UNION ALL SELECT id FROM made

-- name: logs
-- Every incarnation of every log.
SELECT id, name, incarnation FROM log ORDER BY id

-- name: claim
-- Rows keep the owner of each identity; another message within ten minutes of the owner's own time
-- changes nothing, a later one takes over (counter reset) and the owner is remembered in "earlier".
INSERT INTO message_seen AS m (digest, log, sequence, own_time)
SELECT decode(digest, 'base64'), log, sequence, own_time_ms
FROM json_to_recordset(%(claims)s::json)
    AS c (digest text, log smallint, sequence bigint, own_time_ms bigint)
ORDER BY 1
ON CONFLICT (digest) DO UPDATE SET (log, sequence, own_time, earlier) = (
    SELECT CASE WHEN kept THEN m.log ELSE excluded.log END,
           CASE WHEN kept THEN m.sequence ELSE excluded.sequence END,
           CASE WHEN kept THEN m.own_time ELSE excluded.own_time END,
           CASE WHEN kept THEN m.earlier
                ELSE (coalesce(m.earlier, '{}') || ARRAY[m.log, m.sequence, m.own_time])
           END
    FROM (SELECT abs(m.own_time - excluded.own_time) <= 600000
              OR (m.log = excluded.log AND m.sequence = excluded.sequence)
              OR EXISTS (
                  SELECT FROM generate_series(1, coalesce(cardinality(m.earlier), 0), 3) AS i
                  WHERE (m.earlier[i] = excluded.log AND m.earlier[i + 1] = excluded.sequence)
                     OR abs(m.earlier[i + 2] - excluded.own_time) <= 600000
              )) AS known (kept)
)
RETURNING digest, log, sequence, earlier

-- name: purge
-- Forget old claims.
DELETE FROM message_seen WHERE claimed < now() - make_interval(hours => %(hours)s)
