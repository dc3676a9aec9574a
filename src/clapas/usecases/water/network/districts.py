"""From exports of the supervision to alarms with candidate streets: what ``clapas water districts`` does."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.times import shown_time
from clapas.usecases.water.network.balance import Signal, Zone, fitted, guess_zones, signals
from clapas.usecases.water.network.bursts import WEEK, Rules, Step
from clapas.usecases.water.network.explained import CENTIMETRES, Trial, explain
from clapas.usecases.water.network.field import Field
from clapas.usecases.water.network.matched import Bank, Matched
from clapas.usecases.water.network.model import TRIAL_FLOW, Model, Signatures, rank
from clapas.usecases.water.network.pressures import Gauges
from clapas.usecases.water.network.series import HOUR, Hours, aligned, read_hours
from clapas.usecases.water.network.together import Beside, watch

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
    table = _signatures(records, model) if model else None
    trial = trial_of(table) if table is not None else None
    matched: Matched | None = None
    beside: Beside | None = None
    if records.pressures is not None and zones:
        if model and table is not None and trial is not None:
            bank = Bank(explain(records.pressures, flows, levels=levels), trial)
            beside = matched = Matched(
                bank, _zone_of_each(table.nodes, zones, flows=flows, model=model)
            )
        else:
            beside = Gauges(Field(records.pressures, flows, levels=levels))
    steps = watch(watched, rules, beside=beside)
    places = (
        [[] for _ in steps]
        if model is None or table is None
        else locate(steps, zones, table=table, seen=(flows, matched), model=model)
    )
    return Survey(zones=zones, signals=watched, steps=steps, candidates=places)


def _signatures(records: Records, model: Model) -> Signatures:
    """How a leak at each junction shows; at the pressures too when the model knows all of them."""
    sensors = records.pressures.names if records.pressures is not None else ()
    known = all(name in model.network.junction_name_list for name in sensors)
    return model.signatures(records.flows.names, sensors if known else ())


def trial_of(table: Signatures) -> Trial | None:
    """The signatures for a leak of 1 m³/h; None when the model does not know the sensors."""
    if not table.falls.shape[1]:
        return None
    return Trial(flows=table.flows, falls=CENTIMETRES * table.falls / TRIAL_FLOW)


def _zone_of_each(
    nodes: tuple[str, ...], zones: tuple[Zone, ...], *, flows: Hours, model: Model
) -> tuple[str, ...]:
    """The zone of each junction; empty where none is watched."""
    found = {node: zone.name for zone in zones for node in model.nodes_of(zone, flows.names)}
    return tuple(found.get(node, "") for node in nodes)


def locate(
    steps: list[Step],
    zones: tuple[Zone, ...],
    *,
    table: Signatures,
    seen: tuple[Hours, Matched | None],
    model: Model,
) -> list[list[str]]:
    """The likeliest pipes of each told step, by what the pressures, else the meters, showed until the alarm."""
    flows, matched = seen
    by_name = {zone.name: zone for zone in zones}
    inside = {zone.name: model.nodes_of(zone, flows.names) for zone in zones}

    def junctions(step: Step) -> list[str]:
        order = matched.order(step) if matched else None
        if order is None:
            return rank(
                table, inside[step.zone], share=_share(step, by_name[step.zone], flows=flows)
            )
        return [table.nodes[number] for number in order if table.nodes[number] in inside[step.zone]]

    return [
        model.pipes_at(junctions(step)[:CANDIDATES])[:CANDIDATES] if step.told else []
        for step in steps
    ]


def _share(step: Step, zone: Zone, *, flows: Hours) -> Floats | None:
    """The inlets' shares of what the zone draws more since the step's start; None with a single inlet."""
    if len(zone.inlets) < 2:
        return None
    risen = np.array(
        [
            max(excess(flows.column(name), step), 0.0) if name in zone.inlets else 0.0
            for name in flows.names
        ]
    )
    return risen / risen.sum() if risen.sum() > 0 else None


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
    """Read the files of the supervision, all of them on the hours of the flows. Raises BadTable."""
    read = read_hours(flows, zone=zone)
    tanks = read_hours(levels, zone=zone, last=True) if levels else None
    fields = read_hours(pressures, zone=zone) if pressures else None
    return Records(
        flows=read,
        levels=aligned(tanks, read, what="levels") if tanks else None,
        pressures=aligned(fields, read, what="pressures") if fields else None,
    )
