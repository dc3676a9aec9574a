-- name: tables
-- Our tables, but what a migration of the empty database writes by itself.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND c.relname <> 'clapas_migration'
ORDER BY c.relname

-- name: sequences
-- Where sequences stand.
SELECT sequencename::text, last_value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL

-- name: set_sequence
-- Put a sequence back.
SELECT setval(%s::regclass, %s)

-- name: clickhouse_tables
-- Our tables, but what a migration writes by itself.
SELECT name FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name <> 'clapas_migration'
ORDER BY name

-- name: clickhouse_pieces
-- The pieces of a table: read one by one, so that memory stays small.
SELECT DISTINCT _partition_id AS part, toInt64(/*piece*/) AS piece FROM /*table*/ ORDER BY part, piece

-- name: clickhouse_dump
-- The rows of one piece.
SELECT * FROM /*table*/ WHERE _partition_id = {part:String} AND /*piece*/ = {piece:Int64}
