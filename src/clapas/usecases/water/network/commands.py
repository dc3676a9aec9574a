"""``clapas water districts`` and ``clapas water evaluate network``."""

from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl
import typer

from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.geopackage import UNDEFINED, Feature, Layer, packed
from clapas.usecases.water.network.cards import card_table, cards
from clapas.usecases.water.network.districts import (
    Records,
    Survey,
    alarm_table,
    read_records,
    survey,
)
from clapas.usecases.water.network.evaluate import Official, Outcome, match, official
from clapas.usecases.water.network.model import Model
from clapas.usecases.water.network.simulate import (
    GRAVITY,
    ORIFICE,
    Leak,
    Scenario,
    Setting,
    simulate,
)

Zone = Annotated[str, typer.Option(help="Zone of the times written without one.")]
HEAD_M = 45.0
ALARM = ("zone", "raised_at", "kind", "flow_m3_h")


def find_bursts(
    flows: Annotated[
        Path, typer.Argument(help="CSV or CSV.gz: time; one column a flow meter (m³/h).")
    ],
    out: Annotated[Path, typer.Option(help="Where the alarms are written (CSV).")],
    *,
    levels: Annotated[Path | None, typer.Option(help="Tanks' levels (m).")] = None,
    pressures: Annotated[Path | None, typer.Option(help="Pressures (m).")] = None,
    inp: Annotated[
        Path | None, typer.Option(help="EPANET model: zones and candidate pipes.")
    ] = None,
    cards_out: Annotated[
        Path | None, typer.Option("--cards", help="Where daily cards are written (CSV).")
    ] = None,
    layer: Annotated[
        Path | None,
        typer.Option(
            help="Where the candidate pipes are written (GeoPackage, the model's coordinates)."
        ),
    ] = None,
    price: Annotated[float, typer.Option(help="Marginal price of water, for cards (€/m³).")] = 0.8,
    zone: Zone = "UTC",
) -> None:
    """Leaks of the network, zone by zone: one line an alarm, with the likely pipes when a model is given."""
    records = read_records(flows, levels, pressures=pressures, zone=zone)
    if layer and not inp:
        raise typer.BadParameter("candidates need a network model (--inp)", param_hint="--layer")
    model = Model(inp) if inp else None
    found = survey(records, model)
    table = alarm_table(found, records.flows)
    if layer and model:
        layer.write_bytes(packed(candidate_layer(found, table, model=model)))
    table.write_csv(out)
    if cards_out:
        card_table(cards(found, records.flows, zone=ZoneInfo(zone)), price).write_csv(cards_out)
    for each in found.zones:
        typer.echo(f"zone {each.name}: {each.flows} tanks {each.tanks}")
    repairs = sum(step.kind == "repair" for step in found.steps)
    typer.echo(
        f"{records.flows.count} hours, {table.height} alarms, {repairs} repairs seen → {out}"
    )


def candidate_layer(found: Survey, table: pl.DataFrame, *, model: Model) -> Layer:
    """The candidate pipes of each alarm as lines, the likeliest first, for the utility's own GIS."""
    features = [
        Feature(model.line_of(pipe), (*row, rank, pipe))
        for (_, pipes), row in zip(found.told, table.select(ALARM).iter_rows(), strict=True)
        for rank, pipe in enumerate(pipes, start=1)
    ]
    return Layer(
        name="leak_candidates", columns=(*ALARM, "rank", "pipe"), features=features, srs=UNDEFINED
    )


def evaluate_network(
    inp: Annotated[Path, typer.Argument(help="EPANET model of the network.")],
    scenarios: Annotated[
        int, typer.Option(help="Simulated scenarios (about ten seconds each).")
    ] = 2,
    *,
    seed: Annotated[int, typer.Option(help="Seed of the first scenario.")] = 21,
    sensors: Annotated[
        str,
        typer.Option(
            help="Pressure sensors: names with commas, or a file of names; none: flow only."
        ),
    ] = "",
    flows: Annotated[Path | None, typer.Option(help="Recorded flows, to score as well.")] = None,
    levels: Annotated[Path | None, typer.Option(help="Recorded levels.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Recorded leaks (CSV of BattLeDIM).")] = None,
    readings: Annotated[
        int,
        typer.Option(help="Simulated pressure readings an hour, each with a noise of 2 cm.", min=1),
    ] = 12,
) -> None:
    """Score the network detector on recorded leaks and on seeded scenarios of a hydraulic model."""
    model = Model(inp)
    scored: list[Scored] = []
    places = sensor_names(sensors)
    settings = [
        Setting(seed=seed + number, pressures=places, readings=readings)
        for number in range(scenarios)
    ]
    if flows and truth:
        records = read_records(flows, levels, pressures=None, zone="UTC")
        found = survey(records, model)
        scored.append(
            _report(
                "recorded", found, leaks=read_truth(truth, records), model=model, records=records
            )
        )
        if places:
            days = records.flows.count // 24
            given = scored[0].leaks
            settings.append(
                Setting(seed=seed, days=days, pressures=places, readings=readings, given=given)
            )
    for setting in settings:
        scenario = simulate(inp, setting)
        records = recorded(scenario, with_pressures=bool(places))
        title = ("recorded leaks played again" if setting.given else f"scenario {setting.seed}") + (
            f", {len(places)} pressures" if places else ", flow only"
        )
        scored.append(
            _report(
                title, survey(records, model), leaks=scenario.leaks, model=model, records=records
            )
        )
    for line in _summary(scored):
        typer.echo(line)


def sensor_names(said: str) -> tuple[str, ...]:
    """Names with commas, or those of a file: one a line, or the list ``pressure_sensors`` of BattLeDIM."""
    path = Path(said)
    if not said or not path.is_file():
        return tuple(name for name in said.split(",") if name)
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    if "pressure_sensors:" in lines:
        listed = lines[lines.index("pressure_sensors:") + 1 :]
        return tuple(
            each[1:].strip() for each in takewhile(lambda one: one.startswith("-"), listed)
        )
    return tuple(line for line in lines if line)


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """A period's outcome, its truth and its official score."""

    outcome: Outcome
    leaks: tuple[Leak, ...]
    score: Official


def flow_at(leak: Leak, delay: float) -> float:
    """Flow (m³/h) of a leak so many days after its start; its peak when it was never told."""
    grown = 24.0 * delay / max(leak.peak - leak.start, 1.0)
    return leak.flow * min(grown, 1.0)


def recorded(scenario: Scenario, *, with_pressures: bool) -> Records:
    """A scenario as the supervision would have recorded it."""
    pressures = scenario.pressures if with_pressures else None
    return Records(flows=scenario.flows, levels=scenario.levels, pressures=pressures)


def read_truth(path: Path, records: Records) -> tuple[Leak, ...]:
    """Leaks that started within the records, hours counted from their start."""
    table = pl.read_csv(path)
    needed = {"Leak Pipe", "Leak Diameter", "Leak Start", "Leak End", "Peak Time"}
    if not needed <= set(table.columns):
        raise BadTable(
            f"{path}: columns {sorted(needed - set(table.columns))} are missing", path=str(path)
        )

    def hours(text: str) -> float:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
        return (moment.timestamp() - records.flows.start) / 3600.0

    leaks = []
    for row in table.iter_rows(named=True):
        area = np.pi * float(row["Leak Diameter"]) ** 2 / 4
        flow = float(ORIFICE * area * np.sqrt(2 * GRAVITY * HEAD_M) * 3600)
        leak = Leak(
            pipe=row["Leak Pipe"],
            diameter=float(row["Leak Diameter"]),
            start=hours(row["Leak Start"]),
            peak=hours(row["Peak Time"]),
            end=hours(row["Leak End"]),
            flow=flow,
        )
        if leak.start >= 0:
            leaks.append(leak)
    return tuple(sorted(leaks, key=lambda each: each.start))


def zones_of(
    found: Survey, leaks: tuple[Leak, ...], *, model: Model, records: Records
) -> dict[str, str]:
    """Zone of each leaking pipe, by the junction where it begins."""
    places = {}
    for zone in found.zones:
        inside = model.nodes_of(zone, records.flows.names)
        for leak in leaks:
            if model.network.get_link(leak.pipe).start_node_name in inside:
                places[leak.pipe] = zone.name
    return places


def _report(
    title: str, found: Survey, *, leaks: tuple[Leak, ...], model: Model, records: Records
) -> Scored:
    zones = zones_of(found, leaks, model=model, records=records)
    outcome = match(found.steps, leaks, zones=zones)
    score = official(
        found.told, leaks, metres=model.metres_between, until=float(records.flows.count)
    )
    typer.echo(
        f"{title}: {outcome.false} false, {outcome.repeats} repeats; official score {score.euros:,.0f} € "
        f"of {score.perfect:,.0f} € (within 300 m: {score.found} found, {score.repeated} again; {score.false} paid for nothing)"
    )
    for leak, delay, at in zip(leaks, outcome.delays, outcome.alarms, strict=True):
        pipes = found.candidates[at] if at is not None else []
        off = [model.metres_between(leak.pipe, pipe) for pipe in pipes] or [np.inf]
        kind = "abrupt" if leak.peak <= leak.start + 1 else "incipient"
        typer.echo(
            f"  {leak.pipe:6} {zones.get(leak.pipe, ''):10} {leak.flow:5.1f} m³/h {kind:9} day {leak.start / 24:6.1f}  "
            f"delay {delay:6.2f} d at {flow_at(leak, delay):4.1f} m³/h  first candidate {off[0]:5.0f} m off, nearest of ten {min(off):5.0f} m"
        )
    return Scored(outcome=outcome, leaks=leaks, score=score)


def _summary(scored: list[Scored]) -> list[str]:
    """All scenarios together, abrupt and growing leaks apart."""
    delays = np.array([delay for each in scored for delay in each.outcome.delays])
    growing = np.array([leak.peak > leak.start + 1 for each in scored for leak in each.leaks])
    lines = [
        f"{title}: {len(part)} leaks, median delay {np.median(part):.2f} d, within 30 d {np.mean(part <= 30):.0%}"
        for title, part in (
            ("all", delays),
            ("abrupt", delays[~growing]),
            ("growing", delays[growing]),
        )
        if len(part)
    ]
    false = sum(each.outcome.false for each in scored)
    repeats = sum(each.outcome.repeats for each in scored)
    euros, perfect = (
        sum(getattr(each.score, name) for each in scored) for name in ("euros", "perfect")
    )
    lines.append(f"false alarms {false}, repeats {repeats}, in {len(scored)} periods")
    lines.append(f"official score {euros:,.0f} € of {perfect:,.0f} €")
    return lines
