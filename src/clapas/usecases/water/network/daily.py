"""``clapas water balance``: the day's balance of each district, transfers between districts and AMR coverage said.

loss = inflow − outflow − rise of the tanks − what customers took. A flow meter that stands in two zones with
opposite signs is a transfer: what leaves one enters the other, whichever way it flows.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl
import typer

from clapas.usecases.outputs import check_outputs, write_whole
from clapas.usecases.water.command_line import Zone as CivilZone
from clapas.usecases.water.command_line import a_number, tell
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import Floats, Ints
from clapas.usecases.water.meters.cells import read_text_table
from clapas.usecases.water.network.balance import Zone
from clapas.usecases.water.network.coverage import SURE, Metered, Volume, metered
from clapas.usecases.water.network.series import HOUR, Hours, aligned, read_hours

COLUMNS = (
    "zone", "day", "inflow_m3", "outflow_m3", "transfers_m3", "storage_m3", "metered_m3", "coverage",
    "consumption_m3", "consumption_low", "consumption_high", "loss_m3", "loss_low", "loss_high",
)  # fmt: skip
LEAST_HOURS = 0.9
LEAST_COVERED = 0.9
KNOWN = ("measured", "interpolated")


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Volumes of a zone's civil day (m³); ``transfers`` net from other zones; ``spread`` of the flow meters."""

    zone: str
    day: date
    inflow: float
    outflow: float
    transfers: float
    storage: float
    spread: float
    customers: Metered | None = None

    @property
    def supplied(self) -> float:
        """What the zone's customers and its leaks took together."""
        return self.inflow - self.outflow + self.transfers - self.storage


def write_balance(
    flows: Annotated[Path, typer.Argument(help="CSV: time; one column a flow meter (m³/h).")],
    zones: Annotated[
        Path,
        typer.Option(help="CSV: zone, flow, sign (1 in, -1 out); a tank: zone, flow, surface_m2."),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Where the balance is written (CSV).")],
    levels: Annotated[Path | None, typer.Option(help="Tanks' levels (m).")] = None,
    days: Annotated[
        Path | None, typer.Option(help="Days of the meters, as clapas water consumption writes.")
    ] = None,
    meters: Annotated[
        Path | None, typer.Option(help="CSV: meter, zone, annual_m3 (all meters, silent ones too).")
    ] = None,
    flow_error: Annotated[
        float, typer.Option(help="Error of a flow meter, 95 % (share).", callback=a_number)
    ] = 0.02,
    zone: CivilZone = "Europe/Paris",
) -> None:
    """The day's balance of each district: inflow, transfers, storage, customers with their coverage, loss."""
    if (days is None) != (meters is None):
        raise typer.BadParameter("--days and --meters go together", param_hint="--days")
    check_outputs(out, inputs=[flows, zones, levels, days, meters])
    customers = read_customers(days, meters) if days and meters else {}
    read = read_hours(flows, zone=zone)
    tanks = (
        aligned(read_hours(levels, zone=zone, last=True), read, what="levels") if levels else None
    )
    for path, hours in ((flows, read), (levels, tanks)):
        tell(path or "", hours.problems if hours else ())
    found = list(
        balances(read_zones(zones), read, levels=tanks, error=flow_error, civil=ZoneInfo(zone))
    )
    known = [
        msgspec.structs.replace(each, customers=_heard(customers, each.zone, day=each.day))
        for each in found
    ]
    lines = pl.DataFrame(
        [_line(each) for each in known], schema=COLUMNS, orient="row", infer_schema_length=None
    )
    write_whole(out, lines.write_csv())
    typer.echo(f"{len(known)} days of {len({each.zone for each in known})} zones → {out}")


def read_zones(path: Path) -> tuple[Zone, ...]:
    """Zones of a table of flow meters and tanks. Raises BadTable."""
    table = read_text_table(path)
    if not {"zone", "flow"} <= set(table.columns) or not {"sign", "surface_m2"} & set(
        table.columns
    ):
        raise BadTable(f"{path}: columns zone, flow and sign are needed", path=str(path))
    signs: dict[str, dict[str, float]] = {}
    tanks: dict[str, dict[str, float]] = {}
    for line, row in enumerate(table.iter_rows(named=True), start=2):
        surface, sign = _number(row.get("surface_m2")), _number(row.get("sign"))
        if surface:
            tanks.setdefault(row["zone"], {})[row["flow"]] = surface
        elif sign in {1.0, -1.0}:
            signs.setdefault(row["zone"], {})[row["flow"]] = float(sign or 0.0)
        else:
            raise BadTable(f"{path}: line {line}: the sign is 1 or -1", line=line)
    return tuple(
        Zone(
            name=name,
            flows=flows,
            tanks=tanks.get(name, {}),
            inlets=tuple(each for each, sign in flows.items() if sign > 0),
        )
        for name, flows in signs.items()
    )


def _number(text: str | None) -> float | None:
    try:
        return float((text or "").replace(",", ".")) if text else None
    except ValueError:
        return None


def shared(zones: tuple[Zone, ...]) -> set[str]:
    """Flow meters between two zones: what they count is a transfer."""
    names = [name for zone in zones for name in zone.flows]
    return {name for name in names if names.count(name) > 1}


def balances(
    zones: tuple[Zone, ...], flows: Hours, *, levels: Hours | None, error: float, civil: ZoneInfo
) -> Iterator[Day]:
    """Each zone's civil days of which nine tenths of the hours are known. Raises BadTable."""
    unknown = {name for zone in zones for name in zone.flows} - set(flows.names)
    if unknown:
        raise BadTable(f"no flow {', '.join(sorted(unknown))}", unknown=sorted(unknown))
    between = shared(zones)
    starts = [
        datetime.fromtimestamp(flows.start + n * HOUR, UTC).astimezone(civil).date()
        for n in range(flows.count)
    ]
    for zone in zones:
        for day in sorted(set(starts)):
            hours = np.flatnonzero([each == day for each in starts])
            found = _day(zone, flows, hours=hours)
            if found is not None:
                spread = error / SURE * float(np.sqrt(sum(v**2 for v in found.values())))
                yield _summed(
                    zone,
                    day,
                    found=found,
                    between=between,
                    spread=spread,
                    stored=_stored(zone, levels, hours=hours),
                )


def _day(zone: Zone, flows: Hours, *, hours: Ints) -> dict[str, float] | None:
    """Volume of each flow of a zone (m³), signed into the zone; None when too much is missing."""
    if len(hours) < 23:
        return None
    volumes = {}
    for name, sign in zone.flows.items():
        values = flows.column(name)[hours]
        known = np.isfinite(values)
        if known.mean() < LEAST_HOURS:
            return None
        volumes[name] = sign * float(values[known].mean()) * len(hours)
    return volumes


def _stored(zone: Zone, levels: Hours | None, *, hours: Ints) -> float:
    """Rise of the zone's tanks over the day (m³); a tank whose level is not read counts for nothing."""
    if levels is None:
        return 0.0
    total = 0.0
    for name, surface in zone.tanks.items():
        if name not in levels.names:
            continue
        values: Floats = levels.column(name)
        first, last = int(hours[0]), min(int(hours[-1]) + 1, len(values) - 1)
        rise = float(values[last] - values[first]) if first < len(values) else 0.0
        total += surface * rise if np.isfinite(rise) else 0.0
    return total


def _summed(
    zone: Zone,
    day: date,
    *,
    found: dict[str, float],
    between: set[str],
    spread: float,
    stored: float,
) -> Day:
    own = {name: volume for name, volume in found.items() if name not in between}
    return Day(
        zone=zone.name,
        day=day,
        inflow=sum(v for name, v in own.items() if zone.flows[name] > 0),
        outflow=-sum(v for name, v in own.items() if zone.flows[name] < 0),
        transfers=sum(v for name, v in found.items() if name in between),
        storage=stored,
        spread=spread,
    )


def read_customers(days: Path, meters: Path) -> dict[str, pl.DataFrame]:
    """Of each zone, its meters with their ordinary daily volume and their known days (m³). Raises BadTable."""
    members, read = read_text_table(meters), read_text_table(days)
    if not {"meter", "zone"} <= set(members.columns):
        raise BadTable(f"{meters}: columns meter and zone are needed", path=str(meters))
    if not {"meter", "day", "litres", "coverage", "how"} <= set(read.columns):
        raise BadTable(f"{days}: not days of clapas water consumption", path=str(days))
    annual = (
        pl.col("annual_m3").cast(pl.Float64, strict=False)
        if "annual_m3" in members.columns
        else pl.lit(None, dtype=pl.Float64)
    )
    placed = members.select("meter", "zone", ordinary=annual / 365.0)
    typical = pl.col("ordinary").mean().over("zone").fill_null(1.0)
    placed = placed.with_columns(pl.col("ordinary").fill_null(typical))
    known = read.filter(
        (pl.col("coverage").cast(pl.Float64, strict=False) >= LEAST_COVERED)
        & pl.col("how").is_in(KNOWN)
    ).select("meter", "day", volume=pl.col("litres").cast(pl.Float64, strict=False) / 1000.0)
    return {
        str(name): rows.join(known, on="meter", how="left")
        for (name,), rows in placed.group_by("zone")
    }


def _heard(customers: dict[str, pl.DataFrame], zone: str, *, day: date) -> Metered | None:
    rows = customers.get(zone)
    if rows is None:
        return None
    of_day = rows.filter(pl.col("day") == day.isoformat())
    every = rows.unique("meter", keep="first").select("meter", "ordinary")
    joined = every.join(of_day.select("meter", "volume"), on="meter", how="left")
    return metered(
        joined["volume"].fill_null(float("nan")).to_numpy(), joined["ordinary"].to_numpy()
    )


def _line(each: Day) -> tuple[object, ...]:
    took = each.customers
    volumes: list[float | None] = [each.inflow, each.outflow, each.transfers, each.storage]
    volumes += [took.heard, took.coverage] if took else [None, None]
    volumes += _losses(each, took.all) if took and took.all else [None] * 6
    return (each.zone, each.day, *(None if v is None else round(v, 3) for v in volumes))


def _losses(each: Day, took: Volume) -> list[float | None]:
    """What customers took, and what is then lost, each with its bounds; errors added as independent ones."""
    loss = each.supplied - took.value
    flows = SURE * each.spread
    low = loss - float(np.hypot(flows, took.high - took.value))
    high = loss + float(np.hypot(flows, took.value - took.low))
    return [took.value, took.low, took.high, loss, low, high]
