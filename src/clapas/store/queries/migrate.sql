-- name: lock
-- One runner at a time.
SELECT pg_advisory_lock(hashtext('clapas migrations'))

-- name: unlock
-- The next one.
SELECT pg_advisory_unlock(hashtext('clapas migrations'))

-- name: table
-- What was applied to PostgreSQL.
CREATE TABLE IF NOT EXISTS clapas_migration (
    room text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room, number)
)

-- name: applied
-- Room, number, checksum.
SELECT room, number, checksum FROM clapas_migration ORDER BY room, number

-- name: note
-- Applied.
INSERT INTO clapas_migration (room, number, name, checksum) VALUES (%s, %s, %s, %s)

-- name: clickhouse_table
-- What was applied to ClickHouse.
CREATE TABLE IF NOT EXISTS clapas_migration (
    room String, number UInt32, name String, checksum String, applied DateTime DEFAULT now()
) ENGINE = MergeTree ORDER BY (room, number)

-- name: clickhouse_applied
-- Room, number, checksum.
SELECT room, number, checksum FROM clapas_migration ORDER BY room, number

-- name: clickhouse_note
-- Applied.
INSERT INTO clapas_migration (room, number, name, checksum)
VALUES ({room:String}, {number:UInt32}, {name:String}, {checksum:String})
