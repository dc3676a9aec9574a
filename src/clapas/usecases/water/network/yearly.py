"""``clapas water rpqs``: the losses' part of the yearly report, service by service, with the SISPEA codes.

Source: arrêté du 2 mai 2007 (P104.3, P105.3, P106.3); CGCT D.213-48-14-1 (the floor of the efficiency).
"""

from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl
import typer

from clapas.usecases.outputs import check_outputs, write_whole
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.cells import read_text_table
from clapas.usecases.water.network.indicators import Year, yearly_table

NUMBERS = ("produced", "bought", "sold", "billed", "unbilled", "service", "mains_km")
NEEDED = {"name", "produced", "billed", "mains_km"}
COLUMNS = ("name", "code", "indicator", "value", "unit")


def write_rpqs(
    volumes: Annotated[
        Path,
        typer.Argument(
            help="CSV: name, produced, billed, mains_km; bought, sold, unbilled, service (m³), stressed (0 or 1)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where the table is written (CSV).")],
) -> None:
    """The RPQS table of losses: efficiency, linear indices, legal floor, for each service of the file."""
    check_outputs(out, inputs=[volumes])
    services = read_volumes(volumes)
    rows = [line for row in services for line in lines_of(*row)]
    write_whole(out, pl.DataFrame(rows, schema=COLUMNS, orient="row").write_csv())
    below = [name for name, year in services if _below(year)]
    typer.echo(f"{len(rows)} lines → {out}")
    for name in below:
        typer.echo(f"  {name}: below the legal floor, an action plan is due within two years")


def read_volumes(path: Path) -> list[tuple[str, Year]]:
    """Services and their volumes of a year; raises :class:`BadTable` that names what is wrong."""
    table = read_text_table(path)
    missing = NEEDED - set(table.columns)
    if missing:
        raise BadTable(f"{path}: columns {sorted(missing)} are missing", path=str(path))
    return [(row["name"], _year(row, path)) for row in table.iter_rows(named=True)]


def _year(row: dict[str, str | None], path: Path) -> Year:
    values = {}
    for name in NUMBERS:
        text = (row.get(name) or "").strip().replace(",", ".")
        try:
            values[name] = float(text or 0.0)
        except ValueError as error:
            raise BadTable(f"{path}: {row['name']}: {name} is {text!r}", path=str(path)) from error
    if values["mains_km"] <= 0 or values["produced"] + values["bought"] <= 0:
        raise BadTable(f"{path}: {row['name']}: no mains or no water put in", path=str(path))
    stressed = (row.get("stressed") or "").strip() in {"1", "true", "oui"}
    return msgspec.convert({**values, "water_stress_zone": stressed}, Year)


def lines_of(name: str, year: Year) -> list[tuple[str, str, str, float, str]]:
    """The lines of one service."""
    return [
        (name, each.code, each.name, round(each.value, 2), each.unit) for each in yearly_table(year)
    ]


def _below(year: Year) -> bool:
    found = {each.code: each.value for each in yearly_table(year)}
    return found["P104.3"] < found["floor"]
