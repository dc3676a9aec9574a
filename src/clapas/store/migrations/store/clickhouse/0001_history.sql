-- Raw messages as received: the truth that is replayed. A redelivered row is the same row.
CREATE TABLE IF NOT EXISTS raw (
    log UInt16 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    kind LowCardinality(String),
    device String CODEC(ZSTD(1)),
    model LowCardinality(String),
    topic String CODEC(ZSTD(1)),
    payload String CODEC(ZSTD(3)),
    message_id String CODEC(ZSTD(1)),
    idempotency String CODEC(ZSTD(1)),
    sender String CODEC(ZSTD(1)),
    measured Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sent Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    f_port Nullable(UInt8) CODEC(ZSTD(1)),
    f_cnt Nullable(UInt32) CODEC(ZSTD(1)),
    frame String CODEC(ZSTD(1)),
    radio String CODEC(ZSTD(3)),
    frequency_hz Nullable(UInt64) CODEC(ZSTD(1)),
    data_rate LowCardinality(String),
    codec UInt16 CODEC(ZSTD(1)),
    INDEX by_device device TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received received TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (log, sequence)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 2048;

-- The ledger: one row a message, kept when raw messages are gone. The latest outcome wins.
CREATE TABLE IF NOT EXISTS outcome (
    log UInt16 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(DoubleDelta, ZSTD(1)),
    source LowCardinality(String),
    result Enum8('stored' = 1, 'duplicate' = 2, 'rejected' = 3) CODEC(ZSTD(1)),
    reason LowCardinality(String),
    observations UInt16 CODEC(ZSTD(1)),
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY (log, intDiv(sequence, 16777216))
ORDER BY (log, sequence)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Numbers. The highest generation of (series, measured) wins; deleted withdraws it.
CREATE TABLE IF NOT EXISTS observation (
    series UInt32 CODEC(ZSTD(1)),
    measured DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    value Float64 CODEC(Delta, ZSTD(1)),
    lag Int64 CODEC(T64, ZSTD(1)),
    log UInt16 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    quality UInt8 CODEC(ZSTD(1)),
    codec UInt16 CODEC(ZSTD(1)),
    generation UInt32 CODEC(ZSTD(1)),
    deleted UInt8 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(generation, deleted)
PARTITION BY toYYYYMM(measured)
ORDER BY (toMonday(measured), series, measured)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Text and structured values, as JSON.
CREATE TABLE IF NOT EXISTS observation_text (
    series UInt32 CODEC(ZSTD(1)),
    measured DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    value String CODEC(ZSTD(3)),
    lag Int64 CODEC(T64, ZSTD(1)),
    log UInt16 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    quality UInt8 CODEC(ZSTD(1)),
    codec UInt16 CODEC(ZSTD(1)),
    generation UInt32 CODEC(ZSTD(1)),
    deleted UInt8 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(generation, deleted)
PARTITION BY toYYYYMM(measured)
ORDER BY (series, measured)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
