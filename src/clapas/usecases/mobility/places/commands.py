"""``clapas mobility forecast``, ``frozen`` and ``evaluate``."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.places.feed import Feed, Snapshots, read_snapshots
from clapas.usecases.mobility.places.tables import (
    FORECAST_COLUMNS,
    FROZEN_COLUMNS,
    forecast_table,
    frozen_table,
    rebalance_table,
    score,
)

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Archives of snapshots, CSV or CSV.gz: Date;Heure;Type;Nom;Places_Libres;Places_Totales."
    ),
]
Zone = Annotated[str, typer.Option(help="Zone of the times written without one.")]
Civil = Annotated[str, typer.Option(help="Civil time of the territory: days of the week, habits.")]
FORECAST_EPILOG = (
    f"Columns out: {', '.join(FORECAST_COLUMNS)}. Numbers are free places (car) or bikes (bike). "
    "p_empty: no bike, or no car; p_full: no dock, or no free place. See docs/mobility.md."
)
FROZEN_EPILOG = (
    f"Columns out: {', '.join(FROZEN_COLUMNS)}. state: live, frozen (never moved), stalled (moved before, "
    "too long still now), short (too little record to say). See docs/mobility.md."
)
HORIZONS = (30, 60, 120, 240)


def read_all(files: list[Path], zone: str) -> list[Feed]:
    """Several archives as feeds, one a kind; unreadable lines are told on the error stream."""
    parts = [read_snapshots(path, zone=zone) for path in files]
    for path, part in zip(files, parts, strict=True):
        for problem in part.problems:
            typer.echo(f"{path}: {problem}", err=True)
    return Snapshots(rows=pl.concat(part.rows for part in parts)).feeds()


def forecast_places(
    files: Files,
    out: Annotated[Path, typer.Option(help="Where the forecasts are written (CSV).")],
    *,
    horizon: Annotated[int, typer.Option(help="Minutes ahead.", min=5, max=720)] = 120,
    zone: Zone = "UTC",
    civil: Civil = "Europe/Paris",
) -> None:
    """Free places and bikes, forecast at each snapshot with what had been received by then."""
    tables = [forecast_table(feed, horizon, zone=civil) for feed in read_all(files, zone)]
    table = pl.concat(tables).sort("made_at", maintain_order=True)
    table.write_csv(out)
    typer.echo(f"{table.height} forecasts at {horizon} min → {out}")


def find_frozen(
    files: Files,
    out: Annotated[Path | None, typer.Option(help="Where every place is written (CSV).")] = None,
    *,
    zone: Zone = "UTC",
) -> None:
    """Places whose number does not move: frozen from the beginning, or stalled since an instant."""
    table = pl.concat(frozen_table(feed) for feed in read_all(files, zone))
    if out is not None:
        table.write_csv(out)
    for (kind,), part in table.group_by("kind", maintain_order=True):
        frozen = part.filter(pl.col("state") == "frozen")
        stalled = part.filter(pl.col("state") == "stalled")
        typer.echo(
            f"{kind}: {frozen.height} of {part.height} frozen, {stalled.height} stalled, "
            f"{part.filter(pl.col('over_capacity') > 0).height} once above their capacity"
        )
        for row in pl.concat([frozen, stalled]).iter_rows(named=True):
            typer.echo(
                f"  {row['name']}: {row['state']} at {row['value']:.0f} of {row['capacity']:.0f} "
                f"since {row['still_since']} ({row['still_hours']:.0f} h)"
            )


def rebalance(
    files: Files,
    out: Annotated[Path | None, typer.Option(help="Where the list is written (CSV).")] = None,
    *,
    horizon: Annotated[int, typer.Option(help="Minutes ahead.", min=5, max=720)] = 60,
    zone: Zone = "UTC",
    civil: Civil = "Europe/Paris",
) -> None:
    """The truck's list: stations more likely than not to be empty or full, as known at the last snapshot."""
    feeds = [feed for feed in read_all(files, zone) if feed.kind == "bike"]
    if not feeds:
        raise BadTable("no bike station in these files")
    table = rebalance_table(feeds[0], horizon, zone=civil)
    if out is not None:
        table.write_csv(out)
    typer.echo(
        f"{table.height} of {len(feeds[0].names)} stations need the truck within {horizon} min"
    )
    for row in table.iter_rows(named=True):
        typer.echo(
            f"  {row['name']}: {row['need']} {abs(row['bikes_to_move'])} ({row['now']:.0f} of {row['capacity']:.0f}, "
            f"empty {row['p_empty']:.0%}, full {row['p_full']:.0%})"
        )


def evaluate_places(
    files: Files,
    start: Annotated[
        str, typer.Option(help="First day scored (yyyy-mm-dd); before it, only learning.")
    ] = "",
    *,
    zone: Zone = "UTC",
    civil: Civil = "Europe/Paris",
) -> None:
    """Publish the scores: errors beside *as now* and last week, Brier of empty and full, frozen places."""
    for feed in read_all(files, zone):
        begin = _first(feed, start, civil=civil)
        still = frozen_table(feed)
        typer.echo(
            f"{feed.kind}: {len(feed.names)} places, {len(feed.at)} snapshots, "
            f"{still.filter(pl.col('state') == 'frozen').height} frozen, "
            f"{still.filter(pl.col('state') == 'stalled').height} stalled"
        )
        for horizon in HORIZONS:
            typer.echo(score_line(horizon, score(feed, horizon, zone=civil, start=begin)))


def _first(feed: Feed, start: str, *, civil: str) -> float:
    """The instant from which forecasts are scored: the given day, else the fifth day of the record."""
    if not start:
        return float(feed.at[0] + 5 * 86_400)
    try:
        day = date.fromisoformat(start)
    except ValueError as error:
        raise typer.BadParameter("a day such as 2026-01-12", param_hint="--start") from error
    return datetime.combine(day, time(), ZoneInfo(civil)).timestamp()


def score_line(horizon: int, found: dict[str, float]) -> str:
    """One horizon's scores in one line."""
    if not found["forecasts"]:
        return f"  {horizon:>3} min: nothing to score: no snapshot near a target's time"

    def verdict(ours: str, other: str) -> str:
        return "better or equal" if found[ours] <= found[other] else "WORSE"

    return (
        f"  {horizon:>3} min: MAE {found['mae']:.2f}, as now {found['mae_as_now']:.2f} "
        f"({verdict('mae', 'mae_as_now')}); where last week is known {found['mae_where_week']:.2f}, last week "
        f"{found['mae_last_week']:.2f} ({verdict('mae_where_week', 'mae_last_week')}); Brier empty {found['brier_empty']:.4f} (as now "
        f"{found['brier_empty_as_now']:.4f}), full {found['brier_full']:.4f} (as now "
        f"{found['brier_full_as_now']:.4f}); model used {found['modelled']:.0%}; inside the 80 % interval "
        f"{found['inside_80']:.0%}; {found['forecasts']:.0f} forecasts"
    )
