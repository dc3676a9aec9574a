"""Two platforms, one day: the same readings, or what differs and where.

A reading of theirs is matched with the nearest of ours of the same device and attribute within
``tolerance_s``; both are equal within ``absolute`` or ``relative`` (IEEE numbers never agree to the last
bit after a change of unit). What has no match is missing on one side.
"""

from typing import Any

import msgspec
import polars as pl

SHOWN = 100
COLUMNS = {"device": pl.String, "attribute": pl.String, "time": pl.Int64, "value": pl.Float64}


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What an attribute of theirs is called here; our value = theirs · scale + offset."""

    attribute: str
    scale: float = 1.0
    offset: float = 0.0


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How two values are compared, and when the comparison says that we may cut over.

    ``least`` is the share of their readings that must be here and equal, on each of the last ``days``.
    """

    tolerance_s: float = 60.0
    absolute: float = 0.01
    relative: float = 0.001
    names: dict[str, Word] = {}
    days: int = 14
    least: float = 0.999


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """How many: on both sides, here only, there only."""

    both: int
    only_here: int
    only_there: int


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison of a day found. ``agreement``: share of their readings that are here and equal."""

    here: int
    there: int
    matched: int
    equal: int
    different: int
    missing_here: int
    missing_there: int
    agreement: float
    devices: Sides
    attributes: dict[str, dict[str, int]]
    differences: list[dict[str, Any]]
    """The largest ones first."""
    silent_here: list[dict[str, Any]]
    """Devices whose readings are missing here, those that lack most first."""


def compare(ours: pl.DataFrame, theirs: pl.DataFrame, *, rules: Rules) -> DayReport:
    """Compare two tables of device, attribute, time (ms) and value."""
    theirs = _translated(theirs, rules).sort("time")
    numbered = ours.with_row_index("row").sort("time")
    joined = theirs.join_asof(
        numbered.rename({"value": "here"}),
        on="time",
        by=["device", "attribute"],
        strategy="nearest",
        tolerance=int(rules.tolerance_s * 1000),
    ).with_columns((pl.col("here") - pl.col("value")).abs().alias("gap"))
    allowed = pl.max_horizontal(pl.lit(rules.absolute), pl.col("value").abs() * rules.relative)
    judged = joined.with_columns(
        pl.col("row").is_not_null().alias("matched"),
        (pl.col("gap") <= allowed).fill_null(value=False).alias("equal"),
    )
    matched, equal = int(judged["matched"].sum()), int(judged["equal"].sum())
    return DayReport(
        here=ours.height,
        there=theirs.height,
        matched=matched,
        equal=equal,
        different=matched - equal,
        missing_here=theirs.height - matched,
        missing_there=ours.height - judged["row"].drop_nulls().n_unique(),
        agreement=equal / theirs.height if theirs.height else 0.0,
        devices=_sides(ours, theirs),
        attributes=_by_attribute(judged),
        differences=_differences(judged),
        silent_here=_silent(judged),
    )


def ready(days: list[DayReport], rules: Rules) -> bool:
    """Were the last days (the newest first, without a hole) good enough to cut over?"""
    last = days[: rules.days]
    return len(last) == rules.days and all(
        each.there > 0 and each.agreement >= rules.least for each in last
    )


def _translated(theirs: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    if not rules.names:
        return theirs
    words = pl.DataFrame(
        [
            {"attribute": name, "ours": w.attribute, "scale": w.scale, "offset": w.offset}
            for name, w in rules.names.items()
        ],
        schema={"attribute": pl.String, "ours": pl.String, "scale": pl.Float64, "offset": pl.Float64},
    )  # fmt: skip
    return theirs.join(words, on="attribute", how="left").select(
        "device",
        pl.coalesce("ours", "attribute").alias("attribute"),
        "time",
        (pl.col("value") * pl.col("scale").fill_null(1.0) + pl.col("offset").fill_null(0.0)).alias(
            "value"
        ),
    )


def _sides(ours: pl.DataFrame, theirs: pl.DataFrame) -> Sides:
    here, there = set(ours["device"].unique()), set(theirs["device"].unique())
    return Sides(both=len(here & there), only_here=len(here - there), only_there=len(there - here))


def _by_attribute(judged: pl.DataFrame) -> dict[str, dict[str, int]]:
    counted = (
        judged.group_by("attribute")
        .agg(pl.len().alias("there"), pl.col("matched").sum(), pl.col("equal").sum())
        .sort("there", descending=True)
        .head(SHOWN)
    )
    return {row.pop("attribute"): row for row in counted.to_dicts()}


def _differences(judged: pl.DataFrame) -> list[dict[str, Any]]:
    wrong = judged.filter(pl.col("matched") & ~pl.col("equal"))
    largest = wrong.sort("gap", descending=True).head(SHOWN)
    return largest.select("device", "attribute", "time", "here", "value").to_dicts()


def _silent(judged: pl.DataFrame) -> list[dict[str, Any]]:
    return (
        judged.filter(~pl.col("matched"))
        .group_by("device")
        .agg(pl.len().alias("missing"))
        .sort(["missing", "device"], descending=[True, False])
        .head(SHOWN)
        .to_dicts()
    )
