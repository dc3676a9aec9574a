"""The commands of ``clapas museum``: the climate of rooms and showcases, from files."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from clapas.usecases.museum.climate import COLUMNS, live_table
from clapas.usecases.museum.loggers import Climate, read_climate
from clapas.usecases.museum.summary import summary_table

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Logger exports, CSV or CSV.gz: plain (site, sensor, date, temp, rh), Meaco, Hanwell."
    ),
]
Zone = Annotated[
    str, typer.Option(help="Zone of the times written without one (loggers keep one clock).")
]
EPILOG = f"Columns out: {', '.join(COLUMNS)}. Meaning of each: docs/museum.md."


def commands() -> typer.Typer:
    """The commands, for the command line."""
    museum = typer.Typer()
    museum.command("climate", epilog=EPILOG)(climate)
    museum.command("evaluate")(evaluate)
    return museum


def read_all(files: list[Path], zone: str) -> Climate:
    """Several exports as one table; unreadable lines are told on the error stream."""
    parts = [read_climate(path, zone=zone) for path in files]
    for path, part in zip(files, parts, strict=True):
        for problem in part.problems:
            typer.echo(f"{path}: {problem}", err=True)
    return Climate(rows=pl.concat(part.rows for part in parts))


def climate(
    files: Files,
    out: Annotated[Path, typer.Option(help="Where the readings are written (CSV).")],
    *,
    summary: Annotated[
        Path | None, typer.Option(help="Where one line a sensor is written (CSV).")
    ] = None,
    zone: Zone = "UTC",
) -> None:
    """Band (EN 15757), dew point, mould, swings: one line a reading, told with what was known then."""
    rows = read_all(files, zone).rows
    live = live_table(rows)
    live.write_csv(out)
    table = summary_table(rows, live=live)
    if summary is not None:
        table.write_csv(summary)
    typer.echo(f"{rows.height} readings of {table.height} sensors → {out}")
    for line in summary_lines(table):
        typer.echo(line)


def evaluate(files: Files, zone: Zone = "UTC") -> None:
    """Publish the scores: time outside the band, the showcase beside the room, alerts a week."""
    rows = read_all(files, zone).rows
    live = live_table(rows)
    table = summary_table(rows, live=live)
    for line in summary_lines(table):
        typer.echo(line)
    for line in alert_lines(live):
        typer.echo(line)


def summary_lines(table: pl.DataFrame) -> list[str]:
    """What a keeper reads first, one sentence a sensor."""
    lines = []
    for row in table.iter_rows(named=True):
        length = "" if row["record_long_enough"] else " (record under 13 months: provisional)"
        lines.append(
            f"  {row['site']} / {row['sensor']} ({row['role']}): {row['outside_en15757']:.1%} outside the EN 15757 "
            f"band{length}, live {row['outside_live']:.1%}; mean {row['temperature_mean']:.1f} °C "
            f"{row['humidity_mean']:.1f} % RH; largest 24 h swing {row['largest_swing_24h']:.1f} %; mould "
            f"{row['mould_hours']:.0f} h; ASHRAE {row['ashrae'] or 'none'}; capture {row['capture']:.1%}"
        )
        if row["protection"]:
            lines.append(
                f"    showcase: {row['protection']}, attenuation {row['attenuation']:.2f} of the room's fluctuation"
            )
    return lines


def alert_lines(live: pl.DataFrame) -> list[str]:
    """Swing alerts per week of each sensor: one alert a run of readings, merged within 24 hours."""
    lines = []
    for (site, sensor), part in live.group_by("site", "sensor", maintain_order=True):
        times = part.with_columns(at=pl.col("at_utc").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"))
        raised = times.filter(pl.col("swing_alert")).sort("at")["at"]
        begun = int((raised.diff().dt.total_hours() > 24).sum()) + (1 if len(raised) else 0)
        span = times["at"].max() - times["at"].min()  # type: ignore[operator]
        weeks = max(span.total_seconds() / 604_800, 1e-9)  # type: ignore[union-attr]
        lines.append(
            f"  {site} / {sensor}: {begun} swing alerts in {weeks:.1f} weeks ({begun / weeks:.2f} a week)"
        )
    return lines
