"""``clapas mobility counters``."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from clapas.usecases.mobility.counters import figures
from clapas.usecases.mobility.counters.archive import read_counts
from clapas.usecases.mobility.counters.channels import Channel, with_channels
from clapas.usecases.mobility.counters.events import event_effects, read_events
from clapas.usecases.mobility.counters.judge import COLUMNS, judged
from clapas.usecases.mobility.counters.national import national_files, write_national
from clapas.usecases.mobility.counters.register import named_by_place, read_communes, read_register

EPILOG = (
    f"Columns out: {', '.join(COLUMNS)}. quality: valid, missing, suspect_zero, suspect_high, suspect_double, "
    "suspect_frozen, impossible. Monthly sheet: site, channel, month, days, mean_day, mean_working_day, "
    "mean_rest_day, capture, reconstructed. See docs/mobility.md."
)


def count(
    files: Annotated[
        list[Path],
        typer.Argument(help="Archives: NGSI exports (.ndjson, .json) or national measures (.csv)."),
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="Where judged counts are written (CSV).")] = None,
    monthly: Annotated[
        Path | None, typer.Option(help="Where the monthly sheet goes (CSV).")
    ] = None,
    national: Annotated[
        Path | None, typer.Option(help="Folder for sites.csv, channels.csv, measures.csv.")
    ] = None,
    register: Annotated[
        Path | None, typer.Option(help="The city's register: names, serials, places (CSV).")
    ] = None,
    communes: Annotated[
        Path | None,
        typer.Option(help="Contours of the communes (GeoJSON): INSEE codes of the sites."),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="Events, CSV: name, start, end (end excluded).")
    ] = None,
    effects: Annotated[
        Path | None, typer.Option(help="Where the events' effects go (CSV).")
    ] = None,
    publisher: Annotated[str, typer.Option(help="Who gives the counts (national schema).")] = "",
    zone: Annotated[str, typer.Option(help="Civil time of the territory.")] = "Europe/Paris",
) -> None:
    """Counts judged with what was known before: gaps, false zeros, replaced counters, averages."""
    parts = [read_counts(path, zone=zone) for path in files]
    for path, part in zip(files, parts, strict=True):
        for problem in part.problems:
            typer.echo(f"{path}: {problem}", err=True)
    known = read_register(register) if register else {}
    rows, made = with_channels(
        pl.concat(part.rows for part in parts),
        {serial: each.name for serial, each in known.items()},
    )
    table = judged(rows, zone)
    names = named_by_place(made, known)
    if out is not None:
        _written(table, zone).write_csv(out)
    if national is not None:
        commune_of = read_communes(communes) if communes else None
        write_national(
            national,
            national_files(table, made, register=names, publisher=publisher, commune_of=commune_of),
        )
    days = figures.daily(table, zone)
    if monthly is not None:
        figures.monthly(days).write_csv(monthly)
    labels = {
        each.id: _label(each, {key: value.name for key, value in names.items()}) for each in made
    }
    for line in lines(table, days, labels=labels):
        typer.echo(line)
    if events is not None:
        found = event_effects(table, read_events(events, zone=zone))
        if effects is not None:
            found.write_csv(effects)
        for line in effect_lines(found, labels):
            typer.echo(line)


def _written(table: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The judged counts as text: civil time with its offset."""
    stamp = "%Y-%m-%dT%H:%M:%S%:z"
    return table.with_columns(
        pl.col(name).dt.convert_time_zone(zone).dt.strftime(stamp) for name in ("start", "end")
    )


def _label(channel: Channel, names: dict[str, str]) -> str:
    name = next((names[serial] for serial in channel.serials if serial in names), channel.site)
    return f"{name} [{' → '.join(channel.serials)}]{' reversed' if channel.reversed else ''}"


def whole(value: float | None) -> str:
    """A mean as text; what is not known is never 0."""
    return "unknown" if value is None else f"{value:.0f}"


def effect_lines(found: pl.DataFrame, labels: dict[str, str]) -> list[str]:
    """One sentence an event and channel."""
    return [
        f"{row['event']}, {labels[row['channel']]}: {row['counted']:.0f} where {row['expected']:.0f} were expected "
        f"({row['effect']:+.0%}), {row['verdict']}"
        if row["effect"] is not None
        else f"{row['event']}, {labels[row['channel']]}: {row['verdict']}"
        for row in found.iter_rows(named=True)
    ]


def lines(table: pl.DataFrame, days: pl.DataFrame, *, labels: dict[str, str]) -> list[str]:
    """One sentence a channel, then the comparison with a year before on constant perimeter."""
    told = []
    faults = table.filter(pl.col("quality") != "valid").group_by("channel", "quality").len()
    for row in figures.averages(days).iter_rows(named=True):
        own = faults.filter(pl.col("channel") == row["channel"]).sort("quality")
        wrong = ", ".join(f"{n} {quality}" for _, quality, n in own.rows()) or "no fault"
        annual = (
            f", {row['annual_mean_day']:.0f} a year's mean day"
            if row["annual_mean_day"] is not None
            else ""
        )
        told.append(
            f"{labels[row['channel']]}: {row['first_day']} to {row['last_day']}, mean day "
            f"{whole(row['mean_day'])}, working day {whole(row['mean_working_day'])}{annual}; capture "
            f"{row['capture']:.1%}, reconstructed {row['reconstruction_rate']:.1%}; {wrong}"
        )
    told += [
        f"{row['month']}: {row['change']:+.1%} in a year on {row['channels']} channels that counted both"
        for row in figures.compared(figures.monthly(days)).iter_rows(named=True)
    ]
    return told
