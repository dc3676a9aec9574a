"""``clapas mobility traffic``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import polars as pl
import typer

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.traffic.series import (
    COLUMNS,
    VALUE,
    Measure,
    enriched,
    limits,
    read_series,
)

EPILOG = (
    f"Columns out: {', '.join(COLUMNS)}. ratio: travel time / free flow; level: free, dense, slow, jammed; "
    "quality: valid, missing, suspect, duplicate. See docs/mobility.md."
)


def traffic(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Series, CSV or CSV.gz: datetime[, segment], and travel_time (s) or speed (or value)."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Where the readings are written (CSV).")],
    measure: Annotated[
        str, typer.Option(help="What 'value' is: travel_time or speed; else the file's name says.")
    ] = "",
    zone: Annotated[str, typer.Option(help="Zone of the times written without one.")] = "UTC",
    civil: Annotated[str, typer.Option(help="Civil time: days, hours, habits.")] = "Europe/Paris",
) -> None:
    """Travel times and speeds beside free flow and beside what is usual, told with what was known then."""
    if measure and measure not in VALUE:
        raise BadTable(f"no measure {measure!r}; one of {', '.join(VALUE)}")
    rules = limits(datetime.now(UTC).date())
    tables = []
    for path in files:
        part = read_series(path, zone=zone, measure=cast("Measure", measure) if measure else None)
        for problem in part.problems:
            typer.echo(f"{path}: {problem}", err=True)
        tables.append(enriched(part, civil, rules=rules))
    table = pl.concat(tables)
    table.write_csv(out)
    typer.echo(f"{table.height} readings → {out}")
    for line in lines(table):
        typer.echo(line)


def lines(table: pl.DataFrame) -> list[str]:
    """One sentence a segment."""
    told = []
    for (segment, measure), part in table.group_by("segment", "measure", maintain_order=True):
        judged = part.filter(pl.col("level").is_not_null())
        shares = ", ".join(
            f"{name} {number / judged.height:.0%}"
            for name, number in judged["level"].value_counts(sort=True).rows()
        )
        free = part["free_flow"].drop_nulls().tail(1).to_list()
        told.append(
            f"  {segment} ({measure}): free flow {f'{free[0]:.0f}' if free else 'unknown'}; "
            f"{shares or 'nothing judged yet'}; {part.filter(pl.col('quality') != 'valid').height} not usable of {part.height}"
        )
    return told
