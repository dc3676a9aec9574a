"""From readings to what a keeper looks at: one line a reading (live), one line a sensor (settled)."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from clapas.usecases.historic_band import (
    DAY,
    HALF,
    Live,
    Settled,
    known_band,
    live_band,
    settled_band,
)
from clapas.usecases.museum import physics
from clapas.usecases.museum.limits import Limits, limits
from clapas.usecases.museum.physics import Floats

COLUMNS = (
    "site", "sensor", "time", "at_utc", "temperature_c", "humidity_pct", "quality", "dew_point_c",
    "absolute_humidity_g_m3", "humidity_mean", "band_low", "band_high", "outside", "band_state", "capture",
    "humidity_swing_24h", "temperature_swing_24h", "swing_alert", "mould_limit_pct", "mould_risk",
    "lifetime_multiplier", "wood_moisture_pct", "settled_time", "settled_mean", "settled_outside",
)  # fmt: skip


def judged(rows: pl.DataFrame, rules: Limits | None = None) -> pl.DataFrame:
    """The readings with ``quality``: valid, missing, suspect (implausible), duplicate (same sensor and time)."""
    known = rules or limits(datetime.now(UTC).date())
    low_t, high_t = known.plausible.temperature
    low_h, high_h = known.plausible.humidity
    wild = ~pl.col("temp").is_between(low_t, high_t) | ~pl.col("rh").is_between(low_h, high_h)
    again = pl.int_range(pl.len()).over("site", "sensor", "at") > 0
    return rows.with_columns(
        at=pl.col("at").dt.round("1s"),
    ).with_columns(
        quality=pl.when(pl.col("temp").is_null() | pl.col("rh").is_null())
        .then(pl.lit("missing"))
        .when(wild)
        .then(pl.lit("suspect"))
        .when(again)
        .then(pl.lit("duplicate"))
        .otherwise(pl.lit("valid"))
    )


def live_table(rows: pl.DataFrame, rules: Limits | None = None) -> pl.DataFrame:
    """One line a reading, in the file's order; every value uses readings up to its own time only."""
    known = rules or limits(datetime.now(UTC).date())
    marked = judged(rows, known).with_row_index("row")
    good = marked.filter(pl.col("quality") == "valid").sort("site", "sensor", "at")
    parts = [_live_part(part, known) for part in good.partition_by("site", "sensor")]
    if not parts:
        parts = [_live_part(good, known)]
    joined = marked.join(pl.concat(parts), on="row", how="left", maintain_order="left")
    return joined.with_columns(
        at_utc=pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        time=pl.col("written"),
        temperature_c=pl.col("temp"),
        humidity_pct=pl.col("rh"),
    ).select(COLUMNS)


def _live_part(part: pl.DataFrame, rules: Limits) -> pl.DataFrame:
    """One sensor's derived values, keyed by ``row``; readings valid and in order of time."""
    at, temperature, humidity = arrays(part)
    live, settled = live_band(at, humidity), settled_band(at, humidity)
    limit = physics.mould_limit(temperature)
    swings = part.select("row", "at", "temp", "rh").with_columns(
        humidity_swing_24h=_swing("rh"), temperature_swing_24h=_swing("temp")
    )
    return swings.select(
        "row",
        pl.col("humidity_swing_24h", "temperature_swing_24h").round(2),
        swing_alert=pl.col("humidity_swing_24h") > rules.swing.humidity_24h,
    ).with_columns(
        dew_point_c=rounded(physics.dew_point(temperature, humidity)),
        absolute_humidity_g_m3=rounded(physics.absolute_humidity(temperature, humidity)),
        **_band_columns(live),
        mould_limit_pct=rounded(limit),
        mould_risk=pl.Series(humidity > limit),
        lifetime_multiplier=rounded(physics.lifetime_multiplier(temperature, humidity), 3),
        wood_moisture_pct=rounded(physics.wood_moisture(temperature, humidity)),
        **_settled_columns(at, settled, part=part),
    )


def _swing(name: str) -> pl.Expr:
    """Largest minus smallest of the last 24 hours, the present reading included."""
    return pl.col(name).rolling_max_by("at", "24h") - pl.col(name).rolling_min_by("at", "24h")


def _band_columns(live: Live) -> dict[str, pl.Series]:
    return {
        "humidity_mean": rounded(live.mean),
        "band_low": rounded(live.low),
        "band_high": rounded(live.high),
        "outside": pl.Series(live.outside),
        "band_state": pl.Series(np.where(live.historic, "historic", "provisional")),
        "capture": rounded(live.capture, 3),
    }


def _settled_columns(at: Floats, settled: Settled, *, part: pl.DataFrame) -> dict[str, pl.Series]:
    """At each line, the standard's verdict on the newest reading whose 30 days are all received by now."""
    index = np.searchsorted(at, at - HALF, side="right") - 1
    known = index >= 0
    stamps = part["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy()
    low, high = known_band(at, settled.fluctuation)
    outside = (settled.fluctuation < low) | (settled.fluctuation > high)
    safe = np.maximum(index, 0)
    return {
        "settled_time": pl.Series(
            [stamps[i] if ok else None for i, ok in zip(safe, known, strict=True)], dtype=pl.String
        ),
        "settled_mean": rounded(np.where(known, settled.mean[safe], np.nan)),
        "settled_outside": pl.Series(
            [bool(outside[i]) if ok else None for i, ok in zip(safe, known, strict=True)],
            dtype=pl.Boolean,
        ),
    }


def arrays(part: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Times (s since 1970), temperatures and humidities of one sensor."""
    at = part["at"].dt.epoch("s").to_numpy().astype(np.float64)
    return at, part["temp"].to_numpy().astype(np.float64), part["rh"].to_numpy().astype(np.float64)


def rounded(values: Floats, decimals: int = 2) -> pl.Series:
    """An array as a column; NaN is a missing value."""
    return pl.Series(np.round(values, decimals)).fill_nan(None)


def days_of(at: Floats) -> float:
    """Days from the first reading to the last."""
    return float(at[-1] - at[0]) / DAY if len(at) > 1 else 0.0
