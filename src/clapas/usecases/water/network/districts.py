"""From exports of the supervision to alarms with candidate streets: what ``clapas water districts`` does."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.tables import shown_time
from clapas.usecases.water.network.balance import Signal, Zone, fitted, guess_zones, signals
from clapas.usecases.water.network.bursts import WEEK, Rules, Step
from clapas.usecases.water.network.field import Field
from clapas.usecases.water.network.model import Model, Signatures, rank
from clapas.usecases.water.network.pressures import Gauges, pressure_signals
from clapas.usecases.water.network.series import HOUR, Hours, read_hours
from clapas.usecases.water.network.together import watch

COLUMNS = ("zone", "raised_at", "kind", "flow_m3_h", "start_estimate", "candidates")
CANDIDATES = 10


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervision recorded: flows, and levels and pressures when there are some."""

    flows: Hours
    levels: Hours | None = None
    pressures: Hours | None = None


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Zones, their signals, every step found, and for each step the likely pipes."""

    zones: tuple[Zone, ...]
    signals: list[Signal]
    steps: list[Step]
    candidates: list[list[str]]

    @property
    def told(self) -> list[tuple[Step, list[str]]]:
        return [
            (step, pipes)
            for step, pipes in zip(self.steps, self.candidates, strict=True)
            if step.told
        ]


def survey(records: Records, model: Model | None = None, *, rules: Rules | None = None) -> Survey:
    """Watch every zone of a network, in the order of time."""
    flows, levels = records.flows, records.levels
    names = levels.names if levels is not None else ()
    zones = model.zones(flows.names, names) if model else guess_zones(flows, levels)
    if levels is not None:
        zones = tuple(fitted(zone, flows, levels=levels) for zone in zones)
    watched = signals(zones, flows, levels=levels)
    gauges: list[Signal] = []
    beside = None
    table = _signatures(records, model) if model else None
    if records.pressures is not None and zones:
        gauges = pressure_signals(records.pressures, flows, levels=levels, zone=zones[0].name)
        falls = table.falls if table is not None and table.falls.shape[1] else None
        field = Field(records.pressures, flows, levels=levels, falls=falls)
        beside = Gauges(field, _places(field, zones, flows=flows, model=model) if model else {})
    steps = watch(watched, rules, beside=beside)
    places = (
        [[] for _ in steps]
        if model is None or table is None
        else locate(steps, zones, table=table, seen=(records, gauges), model=model)
    )
    return Survey(zones=zones, signals=watched, steps=steps, candidates=places)


def _signatures(records: Records, model: Model) -> Signatures:
    """How a leak at each junction shows; at the pressures too when the model knows all of them."""
    sensors = records.pressures.names if records.pressures is not None else ()
    known = all(name in model.network.junction_name_list for name in sensors)
    return model.signatures(records.flows.names, sensors if known else ())


def _places(field: Field, zones: tuple[Zone, ...], *, flows: Hours, model: Model) -> dict[str, str]:
    """The zone of each sensor that bears the name of a junction."""
    return {
        name: zone.name
        for zone in zones
        for name in model.nodes_of(zone, flows.names)
        if name in field.names
    }


def locate(
    steps: list[Step],
    zones: tuple[Zone, ...],
    *,
    table: Signatures,
    seen: tuple[Records, list[Signal]],
    model: Model,
) -> list[list[str]]:
    """The likeliest pipes of each told step, by what the meters and the pressures showed until the alarm."""
    flows = seen[0].flows.names
    by_name = {zone.name: zone for zone in zones}
    inside = {zone.name: model.nodes_of(zone, flows) for zone in zones}
    return [
        _pipes(
            step, by_name[step.zone], inside=inside[step.zone], table=table, seen=seen, model=model
        )
        if step.told
        else []
        for step in steps
    ]


def _pipes(
    step: Step,
    zone: Zone,
    *,
    inside: set[str],
    table: Signatures,
    seen: tuple[Records, list[Signal]],
    model: Model,
) -> list[str]:
    records, gauges = seen
    share: Floats | None = None
    if len(zone.inlets) > 1:
        risen = np.array(
            [
                max(excess(records.flows.column(name), step), 0.0) if name in zone.inlets else 0.0
                for name in records.flows.names
            ]
        )
        share = risen / risen.sum() if risen.sum() > 0 else None
    falls = (
        np.array([excess(each.values, step) for each in gauges]) if table.falls.shape[1] else None
    )
    return model.pipes_at(rank(table, inside, share=share, falls=falls)[:CANDIDATES])[:CANDIDATES]


def excess(values: Floats, step: Step) -> float:
    """Mean since the step's start, less the same hours of the week before."""
    end = step.raised + 1
    start = min(step.start, end - 6)
    if start < WEEK:
        return 0.0
    difference = values[start:end] - values[start - WEEK : end - WEEK]
    return float(np.nanmean(difference)) if np.isfinite(difference).any() else 0.0


def alarm_table(found: Survey, flows: Hours) -> pl.DataFrame:
    """The told alarms with the columns of ``clapas water districts``, times as the input wrote them."""
    rows = [
        (step.zone, flows.start + (step.raised + 1) * HOUR, step.kind, round(step.size, 2),
         flows.start + step.start * HOUR, " ".join(pipes))
        for step, pipes in found.told
    ]  # fmt: skip
    frame = pl.DataFrame(
        rows,
        schema=dict(
            zip(
                COLUMNS,
                (pl.String, pl.Float64, pl.String, pl.Float64, pl.Float64, pl.String),
                strict=True,
            )
        ),
        orient="row",
    )
    for column in ("raised_at", "start_estimate"):
        instant = (
            (pl.col(column) * 1e6)
            .cast(pl.Int64)
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC")
        )
        frame = frame.with_columns(
            shown_time(instant, local=flows.local, zone=flows.zone).alias(column)
        )
    return frame


def read_records(flows: Path, levels: Path | None, *, pressures: Path | None, zone: str) -> Records:
    """Read the files of the supervision."""

    return Records(
        flows=read_hours(flows, zone=zone),
        levels=read_hours(levels, zone=zone, last=True) if levels else None,
        pressures=read_hours(pressures, zone=zone) if pressures else None,
    )
