"""What an event did to the counts: counted beside expected, on the intervals that were counted.

Expected is what the judge expected of each interval (median of the same hour on days alike of the eight weeks
before), so that nothing later takes part. An effect is said only where the departure is larger than the
channel's usual one: its nine days in ten outside events.
"""

from pathlib import Path

import msgspec
import polars as pl

from clapas.usecases.errors import BadTable
from clapas.usecases.tables import columns, instant_of, read_table

USUAL = 0.9
MIN_KNOWN = 10
"""Intervals outside events that tell what is usual."""
COLUMNS = ("event", "channel", "start", "end", "intervals", "counted", "expected", "effect", "usual", "verdict")  # fmt: skip


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event; instants in ms since 1970 UTC, the end excluded."""

    name: str
    start: int
    end: int


def read_events(path: Path, *, zone: str) -> list[Event]:
    """Events of a file (name, start, end); raises :class:`~clapas.usecases.errors.BadTable`."""
    text = read_table(path)
    found = columns(
        text,
        path,
        wanted={
            "name": ("name", "event", "nom", "evenement", "événement"),
            "start": ("start", "debut", "début", "start_datetime"),
            "end": ("end", "fin", "end_datetime"),
        },
    )
    rows = text.select(
        name=pl.col(found["name"]),
        start=instant_of(pl.col(found["start"]), zone).dt.epoch("ms"),
        end=instant_of(pl.col(found["end"]), zone).dt.epoch("ms"),
    ).to_dicts()
    try:
        events = [msgspec.convert(row, Event) for row in rows]
    except msgspec.ValidationError as error:
        raise BadTable(f"{path}: an event without name, start or end", path=str(path)) from error
    if any(each.end <= each.start for each in events):
        raise BadTable(f"{path}: an event ends before it starts", path=str(path))
    return events


def event_effects(judged: pl.DataFrame, events: list[Event]) -> pl.DataFrame:
    """One line an event and channel; an effect is None where too little was counted or is known."""
    rows = judged.with_columns(at=pl.col("start").dt.epoch("ms"))
    inside = pl.any_horizontal(pl.lit(value=False), *(_during(each) for each in events))
    usual = _usual(rows.filter(~inside))
    records = [
        _effect(event, channel, part=part, usual=usual.get(channel))
        for event in events
        for (channel,), part in rows.filter(_during(event)).group_by("channel", maintain_order=True)
    ]
    schema = dict.fromkeys(COLUMNS, pl.String) | {
        "intervals": pl.Int64, "counted": pl.Float64, "expected": pl.Float64, "effect": pl.Float64, "usual": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(records, schema=schema)


def _usual(rows: pl.DataFrame) -> dict[str, float | None]:
    """The departure that nine counted intervals in ten stay under, by channel."""
    departure = (pl.col("count") / pl.col("expected") - 1).abs().quantile(USUAL)
    grouped = _counted(rows).group_by("channel")
    return dict(grouped.agg(pl.when(pl.len() >= MIN_KNOWN).then(departure)).iter_rows())


def _during(event: Event) -> pl.Expr:
    return (pl.col("at") >= event.start) & (pl.col("at") < event.end)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Intervals with a count that was really counted and an expectation; a crowd is no fault here."""
    real = pl.col("quality").is_in(["valid", "suspect_high", "suspect_double"])
    return rows.filter(real & (pl.col("expected") > 0))


def _effect(
    event: Event, channel: str, *, part: pl.DataFrame, usual: float | None
) -> dict[str, object]:
    known = _counted(part)
    counted, expected = float(known["count"].sum()), float(known["expected"].sum())
    enough = known.height * 2 > part.height
    effect = counted / expected - 1 if enough and expected else None
    return {
        "event": event.name,
        "channel": channel,
        "start": part["start"].min().isoformat(),  # type: ignore[union-attr]
        "end": part["end"].max().isoformat(),  # type: ignore[union-attr]
        "intervals": part.height,
        "counted": counted if known.height else None,
        "expected": expected if known.height else None,
        "effect": None if effect is None else round(effect, 4),
        "usual": None if usual is None else round(usual, 4),
        "verdict": _verdict(effect, usual),
    }


def _verdict(effect: float | None, usual: float | None) -> str:
    if effect is None or usual is None:
        return "not enough counted or known to say"
    if abs(effect) <= usual:
        return "within the usual"
    return "more than usual" if effect > 0 else "fewer than usual"
