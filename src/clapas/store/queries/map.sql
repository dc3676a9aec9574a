-- name: clusters
-- Located entities by cell of a grid: how many, their middle, their worst state, how many of each state; the
-- id of the one that stands alone. Ranks: 0 ok, 1 silent, 2 late, 3 alarm.
SELECT count(*), avg(x), avg(y), max(rank), CASE WHEN count(*) = 1 THEN min(id) ELSE '' END,
       count(*) FILTER (WHERE rank = 0), count(*) FILTER (WHERE rank = 1),
       count(*) FILTER (WHERE rank = 2), count(*) FILTER (WHERE rank = 3)
FROM (
    SELECT e.id, e.longitude AS x, e.latitude AS y,
           CASE WHEN a.entity IS NOT NULL THEN 3
                WHEN t.measured IS NULL OR t.measured < %(silent)s THEN 1
                WHEN t.measured < %(late)s THEN 2 ELSE 0 END AS rank
    FROM entity e
    LEFT JOIN state t ON t.series = e.headline
    LEFT JOIN (SELECT DISTINCT entity FROM alarm WHERE active AND closed IS NULL) a ON a.entity = e.id
    WHERE e.longitude IS NOT NULL AND e.latitude IS NOT NULL
      AND (%(type)s = '' OR e.type = %(type)s)
      AND (%(commune)s = '' OR e.commune = %(commune)s)
      AND (NOT %(boxed)s OR point(e.longitude, e.latitude)
           <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s)))
      AND /*rows of e*/
) AS p
WHERE %(rank)s < 0 OR rank = %(rank)s
GROUP BY floor(x / %(width)s), floor(y / %(height)s)
LIMIT %(limit)s
