"""One line a sensor: the standard's verdict, classes, mould, ageing, and the showcase beside its room."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from clapas.usecases.historic_band import HALF, Bools, settled_band, usual_step, window_mean
from clapas.usecases.museum import physics
from clapas.usecases.museum.climate import arrays, days_of, judged
from clapas.usecases.museum.limits import Limits, limits
from clapas.usecases.museum.physics import Floats

ROLES = (
    ("outdoor", ("external", "outdoor", "outside", "extérieur", "exterieur", "ext")),
    ("case", ("case", "vitrine", "showcase")),
    ("surface", ("surface", "mur", "wall")),
)


def role(name: str) -> str:
    """What a sensor watches, guessed from its name: 'outdoor', 'case', 'surface', else 'room'."""
    words = name.lower().replace("_", " ").replace("-", " ").split()
    return next((kind for kind, marks in ROLES if any(mark in words for mark in marks)), "room")


def summary_table(
    rows: pl.DataFrame, rules: Limits | None = None, *, live: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One line a sensor, as known at the end of the record; shares and rates in 0-1."""
    known = rules or limits(datetime.now(UTC).date())
    marked = judged(rows, known)
    records = []
    for (site, sensor), part in marked.group_by("site", "sensor", maintain_order=True):
        good = part.filter(pl.col("quality") == "valid").sort("at")
        if good.height >= 2:
            records.append(
                {"site": site, "sensor": sensor, "role": role(str(sensor))}
                | _facts(good, part.height, rules=known)
            )
    table = pl.DataFrame(records, infer_schema_length=None)
    if not records:
        return table
    if live is not None:
        shares = live.group_by("site", "sensor").agg(
            outside_live=pl.col("outside").cast(pl.Float64).mean().round(4)
        )
        table = table.join(shares, on=["site", "sensor"], how="left", maintain_order="left")
    return _beside_room(table)


def _facts(part: pl.DataFrame, lines: int, *, rules: Limits) -> dict[str, Any]:
    at, temperature, humidity = arrays(part)
    settled = settled_band(at, humidity)
    hours = usual_step(at) / 3600
    twpi = 1 / float(np.nanmean(1 / physics.preservation_index(temperature, humidity)))
    mould = humidity > physics.mould_limit(temperature)
    return {
        "first": part["at"].min(),
        "last": part["at"].max(),
        "readings": part.height,
        "capture": round(min(1.0, part.height / max(1.0, days_of(at) * 24 / hours + 1)), 4),
        "unusable": lines - part.height,
        "temperature_mean": round(float(temperature.mean()), 2),
        "humidity_mean": round(float(humidity.mean()), 2),
        "fluctuation_p7": round(settled.low, 2),
        "fluctuation_p93": round(settled.high, 2),
        "outside_en15757": round(float(settled.outside.mean()), 4),
        "record_long_enough": days_of(at) >= 396,
        "largest_swing_24h": round(_largest_swing(part), 2),
        "mould_hours": round(float(mould.sum()) * hours, 1),
        "ashrae": ashrae_class(at, temperature, humidity=humidity, rules=rules),
        "storage": ",".join(storage_climates(temperature, humidity, rules=rules)) or "none",
        "twpi_years": round(twpi, 1),
        "fluctuation_spread": round(float(settled.fluctuation.std()), 3),
    }


def _largest_swing(part: pl.DataFrame) -> float:
    swing = pl.col("rh").rolling_max_by("at", "24h") - pl.col("rh").rolling_min_by("at", "24h")
    return float(part.select(swing.max()).item() or 0.0)


def ashrae_class(at: Floats, temperature: Floats, *, humidity: Floats, rules: Limits) -> str:
    """The strictest ASHRAE type of control that this record keeps 95 % of the time; '' when none."""
    first, last = np.searchsorted(at, at - HALF), np.searchsorted(at, at + HALF, side="right")
    season_h = window_mean(humidity, first, last=last)
    season_t = window_mean(temperature, first, last=last)
    drift_h, drift_t = season_h - humidity.mean(), season_t - temperature.mean()
    for kind in rules.ashrae:
        kept = (
            (np.abs(humidity - season_h) <= kind.short_humidity)
            & (np.abs(temperature - season_t) <= kind.short_temperature)
            & _within(temperature, kind.temperature)
            & _within(humidity, kind.humidity)
        )
        seasonal = kind.seasonal_humidity + rules.ashrae_rule.seasonal_tolerance
        steady = (np.abs(drift_h) <= seasonal) & _within(drift_t, kind.seasonal_temperature)
        if kept.mean() >= rules.ashrae_rule.share and steady.all():
            return kind.name
    return ""


def _within(values: Floats, bounds: tuple[float, float]) -> Bools:
    return np.asarray((values >= bounds[0]) & (values <= bounds[1]))


def storage_climates(temperature: Floats, humidity: Floats, *, rules: Limits) -> list[str]:
    """The materials whose storage climate (EN 16893) this record keeps 95 % of the time."""

    def kept(t: tuple[float, float], h: tuple[float, float]) -> bool:
        inside = _within(temperature, t) & _within(humidity, h)
        return bool(inside.mean() >= rules.ashrae_rule.share)

    return [each.name for each in rules.storage if kept(each.temperature, each.humidity)]


def _beside_room(table: pl.DataFrame) -> pl.DataFrame:
    """Showcases beside the room of their site whose name they begin with, else its first room."""
    rows = table.to_dicts()
    verdicts: list[tuple[float | None, str]] = []
    for row in rows:
        rooms = [each for each in rows if each["role"] == "room" and each["site"] == row["site"]]
        if row["role"] != "case" or not rooms:
            verdicts.append((None, ""))
            continue
        named = [each for each in rooms if row["sensor"].startswith(each["sensor"])]
        room = (named or rooms)[0]
        ratio = row["fluctuation_spread"] / max(room["fluctuation_spread"], 1e-9)
        verdicts.append((round(ratio, 3), _protection(row, room)))
    return table.with_columns(
        attenuation=pl.Series([ratio for ratio, _ in verdicts], dtype=pl.Float64),
        protection=pl.Series([word for _, word in verdicts], dtype=pl.String),
    )


def _protection(case: dict[str, Any], room: dict[str, Any]) -> str:
    """'protected': the case stays in its band while the room does not; else 'both' or 'exposed'."""
    if case["outside_en15757"] <= 0.001:
        return "protected" if room["outside_en15757"] > 0.001 else "both"
    return "exposed"
