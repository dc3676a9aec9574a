-- name: records
-- The newest version of every dataset's record.
SELECT DISTINCT ON (id) record::text FROM dataset_record ORDER BY id, version DESC

-- name: add_record
-- A new version of a record, unless somebody else made that version.
INSERT INTO dataset_record (id, version, record, author)
VALUES (%(id)s, %(version)s, %(record)s, %(author)s)
ON CONFLICT DO NOTHING

-- name: record_versions
-- Every version of one record, newest first.
SELECT record::text, author, created FROM dataset_record WHERE id = %(id)s
ORDER BY version DESC LIMIT 200

-- name: articles
-- Articles in force on a day: the newest version of each.
SELECT id, version, text, valid_from, valid_to, deliberation, voted, author
FROM (SELECT DISTINCT ON (id) * FROM article WHERE valid_from <= %(day)s
      ORDER BY id, version DESC) AS newest
WHERE valid_to IS NULL OR valid_to > %(day)s
ORDER BY id

-- name: add_article
-- A new version of an article.
INSERT INTO article (id, version, text, valid_from, valid_to, deliberation, voted, author)
VALUES (%(id)s, (SELECT coalesce(max(version), 0) + 1 FROM article WHERE id = %(id)s), %(text)s,
        %(valid_from)s, %(valid_to)s, %(deliberation)s, %(voted)s, %(author)s)

-- name: hidden
-- The cells of a product that were hidden before.
SELECT cell FROM hidden_cell WHERE product = %(product)s

-- name: hide
-- These cells are hidden from now on.
INSERT INTO hidden_cell (product, cell, reason)
SELECT %(product)s, cell, 'k' FROM unnest(%(cells)s::text[]) AS cell
ON CONFLICT DO NOTHING

-- name: figures
-- Per commune (or per cell that is said of a series) and civil day: how many series, their total, the largest. ClickHouse.
SELECT commune, civil, count() AS subjects, sum(value) AS total, max(abs(value)) AS largest
FROM (
    SELECT transform(r.series, {told:Array(UInt32)}, {cells:Array(String)}, toString(p.commune)) AS commune, toString(r.day) AS civil,
           if({ranged:UInt8} = 1, r.maximum - r.minimum, r.total / r.count) AS value
    FROM rollup_day AS r FINAL
    INNER JOIN (
        SELECT series, commune FROM series_place FINAL
        WHERE dataset = {dataset:String} AND quantity = {quantity:String} AND /*visible*/
          AND NOT has({without:Array(UInt32)}, series)
    ) AS p ON p.series = r.series
    WHERE r.quantity = {quantity:String} AND r.count > 0
      AND r.day >= {first:Date32} AND r.day < {last:Date32}
)
GROUP BY commune, civil ORDER BY civil, commune
LIMIT 200000

-- name: types_of_series
-- The type of the thing that each series of a dataset is about.
SELECT s.id, e.type FROM series s JOIN entity e ON e.id = s.entity
WHERE coalesce(nullif(s.dataset, ''), e.dataset, '') = %(dataset)s AND s.quantity = %(quantity)s
