"""``clapas water health`` and ``clapas water consumption``."""

from collections import Counter
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
import typer

from clapas.usecases.outputs import check_outputs, write_whole
from clapas.usecases.water.command_line import Zone, above_zero, tell
from clapas.usecases.water.meters.consumption import consumption
from clapas.usecases.water.meters.health import Finding, Settings, examine, finding_table
from clapas.usecases.water.meters.tables import Table, read_readings
from clapas.usecases.water.meters.times import shown_time

Files = Annotated[
    list[Path], typer.Argument(help="CSV or CSV.gz: meter; datetime; index in litres.")
]


def read_all(files: list[Path], zone: str) -> Table:
    """Several files as one table; unreadable lines are told on the error stream."""
    tables = [read_readings(path, zone=zone) for path in files]
    for path, table in zip(files, tables, strict=True):
        tell(path, table.problems)
    rows = pl.concat([table.rows for table in tables])
    return Table(rows=rows, local=all(table.local for table in tables), zone=zone)


def find_signs(
    files: Files,
    out: Annotated[Path, typer.Option(help="Where the findings are written (CSV).")],
    *,
    zone: Zone = "Europe/Paris",
    q3: Annotated[
        float, typer.Option(help="Permanent flow Q3 of the meters (m³/h).", callback=above_zero)
    ] = 2.5,
) -> None:
    """Is each meter well? Backward, frozen, silent, too fast, stuck, wrong pulse, worn, two in one."""
    check_outputs(out, inputs=files)
    table = read_all(files, zone)
    findings = examine_table(table, Settings(q3_m3_h=q3))
    frame = finding_table(findings)
    times = [
        shown_time(pl.col(name), local=table.local, zone=zone).alias(name)
        for name in ("since", "until")
    ]
    write_whole(out, frame.with_columns(times).write_csv())
    typer.echo(f"{table.rows['meter'].n_unique()} meters, {len(findings)} findings → {out}")
    for (sign, act), count in Counter((each.sign, each.act) for each in findings).most_common():
        typer.echo(f"  {count:4}  {sign} ({act})")


def examine_table(table: Table, settings: Settings) -> list[Finding]:
    """The findings of every meter of a table."""
    now = table.rows["at"].dt.epoch("us").max()
    findings = []
    for (meter,), rows in table.rows.group_by("meter", maintain_order=True):
        at = rows["at"].dt.epoch("us").to_numpy() / 1e6
        findings += examine(
            str(meter),
            at,
            index=rows["index_l"].to_numpy(),
            settings=settings,
            now=float(str(now)) / 1e6,
        )
    return findings


def write_consumption(
    files: Files,
    out: Annotated[Path, typer.Option(help="Where consumption by civil day is written (CSV).")],
    *,
    hours: Annotated[
        Path | None, typer.Option(help="Where consumption by hour is written (CSV).")
    ] = None,
    zone: Zone = "Europe/Paris",
    spread: Annotated[bool, typer.Option(help="Share the volume of gaps over their time.")] = True,
) -> None:
    """Consumption by hour and by civil day from indexes; every value says how it was obtained."""
    check_outputs(out, hours, inputs=files)
    table = read_all(files, zone)
    found = consumption(table.rows, ZoneInfo(zone), spread=spread)
    write_whole(out, found.days.write_csv())
    if hours:
        shown = shown_time(pl.col("hour"), local=table.local, zone=zone)
        write_whole(hours, found.hours.with_columns(shown).write_csv())
    shares = found.days.group_by("how").len().sort("len", descending=True)
    typer.echo(
        f"{found.days.height} days → {out}: "
        + ", ".join(f"{how} {count}" for how, count in shares.iter_rows())
    )
