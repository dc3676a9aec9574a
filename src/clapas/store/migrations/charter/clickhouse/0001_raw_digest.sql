-- What stays of a raw message when its record's retention has deleted it: no value, only what proves it.
CREATE TABLE IF NOT EXISTS raw_digest (
    log UInt16 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    device String CODEC(ZSTD(1)),
    model LowCardinality(String),
    sha256 FixedString(32),
    size UInt32 CODEC(ZSTD(1)),
    radio String CODEC(ZSTD(3)),
    frequency_hz Nullable(UInt64) CODEC(ZSTD(1)),
    data_rate LowCardinality(String),
    f_port Nullable(UInt8) CODEC(ZSTD(1)),
    f_cnt Nullable(UInt32) CODEC(ZSTD(1)),
    codec UInt16 CODEC(ZSTD(1)),
    deleted DateTime('UTC')
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (log, sequence)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
