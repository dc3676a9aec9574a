"""``clapas mobility bays``."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from clapas.usecases.mobility.bays.stays import COLUMNS, bays_table, read_bays

EPILOG = f"Columns out: {', '.join(COLUMNS)}. See docs/mobility.md."


def bays(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Messages of bay sensors, CSV: datetime, bay, occupied[, kind][, x, y, z]."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Where one line a bay is written (CSV).")] = None,
    *,
    limit: Annotated[float, typer.Option(help="Longest stay allowed, minutes (0: none).")] = 0.0,
    zone: Annotated[str, typer.Option(help="Zone of the times written without one.")] = "UTC",
) -> None:
    """Bays on the street: occupancy, turnover, mean stay, reserved bays, sensors that drift."""
    parts = [read_bays(path, zone=zone) for path in files]
    for path, part in zip(files, parts, strict=True):
        for problem in part.problems:
            typer.echo(f"{path}: {problem}", err=True)
    table = bays_table(pl.concat(part.rows for part in parts), limit_min=limit)
    if out is not None:
        table.write_csv(out)
    for (kind,), own in table.group_by("kind", maintain_order=True):
        wrong = own.filter(pl.col("state") != "live")
        typer.echo(
            f"{kind}: {own.height} bays, occupied {_percent(own)}, "
            f"{own['stays'].sum()} stays, {wrong.height} sensors to visit"
        )
        for row in wrong.iter_rows(named=True):
            typer.echo(f"  {row['bay']}: {row['state']}, since {row['now_since']}")


def _percent(table: pl.DataFrame) -> str:
    """The bays' mean occupancy as text."""
    share = table.select(pl.col("occupancy").mean()).item()
    return "unknown" if share is None else f"{share:.0%}"
