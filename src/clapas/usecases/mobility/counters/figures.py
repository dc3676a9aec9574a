"""The observatory's figures: days, months, averages, and what may be compared with what.

A mean says how much of it was counted (``capture``) and how much was reconstructed. A comparison between a
month and the same month a year before keeps the channels that counted 75 % of both: constant perimeter.
"""

import polars as pl

from clapas.usecases.mobility.places.calendar import day_class

CAPTURE = 0.75


def daily(judged: pl.DataFrame, zone: str) -> pl.DataFrame:
    """One line a channel and civil day: counted, reconstructed, share of the day counted."""
    return (
        judged.with_columns(day=pl.col("start").dt.convert_time_zone(zone).dt.date())
        .group_by("site", "channel", "day", maintain_order=True)
        .agg(
            total=pl.when(pl.col("reconstructed").is_null().any())
            .then(None)
            .otherwise(pl.col("reconstructed").sum()),
            counted=(pl.col("quality") == "valid").cast(pl.Float64).mean(),
            estimated=pl.col("estimated").cast(pl.Float64).mean(),
        )
        .with_columns(kind=pl.col("day").map_elements(day_class, return_dtype=pl.Int64))
    )


def monthly(days: pl.DataFrame) -> pl.DataFrame:
    """One line a channel and month: mean day, mean working day, capture, share reconstructed."""
    return (
        days.with_columns(month=pl.col("day").dt.strftime("%Y-%m"))
        .group_by("site", "channel", "month", maintain_order=True)
        .agg(
            days=pl.len(),
            mean_day=pl.col("total").mean().round(1),
            mean_working_day=pl.col("total").filter(pl.col("kind") == 0).mean().round(1),
            mean_rest_day=pl.col("total").filter(pl.col("kind") > 0).mean().round(1),
            capture=pl.col("counted").mean().round(3),
            reconstructed=pl.col("estimated").mean().round(3),
        )
    )


def compared(months: pl.DataFrame) -> pl.DataFrame:
    """Each month beside the same month a year before, on the channels that counted 75 % of both."""
    before = months.select(
        "channel",
        month=(pl.col("month").str.slice(0, 4).cast(pl.Int64) + 1).cast(pl.String)
        + pl.col("month").str.slice(4),
        before=pl.col("mean_day"),
        before_capture=pl.col("capture"),
    )
    kept = months.join(before, on=["channel", "month"]).filter(
        (pl.col("capture") >= CAPTURE) & (pl.col("before_capture") >= CAPTURE)
    )
    return (
        kept.group_by("month")
        .agg(
            channels=pl.len(),
            mean_day=pl.col("mean_day").sum().round(1),
            mean_day_before=pl.col("before").sum().round(1),
        )
        .with_columns(change=(pl.col("mean_day") / pl.col("mean_day_before") - 1).round(4))
        .sort("month")
    )


def averages(days: pl.DataFrame) -> pl.DataFrame:
    """One line a channel: mean day of the whole record with its reconstruction rate, and of the last 365 days."""
    return days.group_by("site", "channel", maintain_order=True).agg(
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
        days=pl.len(),
        mean_day=pl.col("total").mean().round(1),
        mean_working_day=pl.col("total").filter(pl.col("kind") == 0).mean().round(1),
        annual_mean_day=pl.when(pl.len() >= 365)
        .then(pl.col("total").tail(365).mean().round(1))
        .otherwise(None),
        capture=pl.col("counted").mean().round(3),
        reconstruction_rate=pl.col("estimated").mean().round(3),
    )
