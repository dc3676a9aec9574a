-- What a series is about, mirrored from the registry so that whole-territory reads filter in place.
CREATE TABLE IF NOT EXISTS series_place (
    series UInt32,
    quantity LowCardinality(String),
    dataset LowCardinality(String),
    commune LowCardinality(String),
    version UInt64,
    deleted UInt8 DEFAULT 0
) ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY series;

-- Hours, rebuilt from final rows; count = 0 says that the hour has no usable value any more.
CREATE TABLE IF NOT EXISTS rollup_hour (
    series UInt32 CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    minimum Float64 CODEC(ZSTD(1)),
    maximum Float64 CODEC(ZSTD(1)),
    total Float64 CODEC(ZSTD(1)),
    count UInt32 CODEC(ZSTD(1)),
    quality UInt8 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(hour)
ORDER BY (toMonday(hour), series, hour);

-- Civil days of the territory, by quantity so that one quantity of all series reads together.
CREATE TABLE IF NOT EXISTS rollup_day (
    quantity LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    series UInt32 CODEC(Delta, ZSTD(1)),
    minimum Float64 CODEC(ZSTD(1)),
    maximum Float64 CODEC(ZSTD(1)),
    total Float64 CODEC(ZSTD(1)),
    count UInt32 CODEC(ZSTD(1)),
    quality UInt8 CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (quantity, day, series);
