-- name: tables
-- Our tables, but what a migration of the empty database writes by itself.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND c.relname <> 'clapas_migration'
ORDER BY c.relname

-- name: columns
-- The columns of a table in their order, but those that the database computes.
SELECT attname::text FROM pg_attribute
WHERE attrelid = (current_schema() || '.' || quote_ident(%(name)s))::regclass
  AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum

-- name: quiet
-- Wait until no write through an API is half done; new ones wait until the snapshot is taken.
LOCK TABLE tail IN SHARE MODE

-- name: snapshot
-- Everything read in this transaction is of one moment.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: quick_off
-- A large table takes longer than any page may.
SET LOCAL statement_timeout = 0

-- name: order_kept
-- The same table always gives the same file.
SET LOCAL synchronize_seqscans = off

-- name: no_triggers
-- Rows come back as they were, without what writing them would set off.
SET LOCAL session_replication_role = replica

-- name: sequences
-- Where sequences stand.
SELECT sequencename::text, last_value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL

-- name: of_api
-- The numbers of the log of writes through an API.
SELECT id FROM log WHERE name = %(name)s

-- name: last_series
-- The newest series.
SELECT coalesce(max(id), 0) FROM series

-- name: set_sequence
-- Put a sequence back.
SELECT setval(%s::regclass, %s)

-- name: clickhouse_tables
-- Our tables, but what a migration writes by itself.
SELECT t.name AS name, t.sorting_key AS sorting_key, t.engine LIKE '%ReplacingMergeTree' AS replacing,
       groupArray(c.name) AS columns
FROM system.tables AS t
JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
WHERE t.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND t.name <> 'clapas_migration'
GROUP BY name, sorting_key, replacing
ORDER BY name

-- name: clickhouse_pieces
-- The pieces of a table: read one by one, so that memory stays small.
SELECT DISTINCT _partition_id AS part, toInt64(/*piece*/) AS piece FROM /*table*/ ORDER BY part, piece

-- name: kept_messages
-- Up to the end of the copy in each log; other logs as a whole.
sequence <= transform(log, {logs:Array(UInt16)}, {lasts:Array(UInt64)}, toUInt64(18446744073709551615))

-- name: kept_series
-- What the snapshot of PostgreSQL knows.
series <= {last_series:UInt32}

-- name: clickhouse_dump
-- The final rows of one piece, in their order.
SELECT * FROM /*table*/ /*final*/
WHERE _partition_id = {part:String} AND /*piece*/ = {piece:Int64} AND /*kept*/
ORDER BY /*order*/

-- name: clickhouse_beyond
-- Hours that messages beyond the end of the copy touched.
SELECT DISTINCT toInt64(toUnixTimestamp(toStartOfHour(measured))) * 1000 AS hour
FROM observation
WHERE sequence > transform(log, {logs:Array(UInt16)}, {lasts:Array(UInt64)}, toUInt64(18446744073709551615))
   OR series > {last_series:UInt32}
ORDER BY hour
