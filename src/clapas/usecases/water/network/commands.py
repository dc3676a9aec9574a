"""``clapas water districts`` and ``clapas water evaluate network``."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
import typer

from clapas.usecases.outputs import check_outputs, write_whole
from clapas.usecases.water.command_line import Zone, a_number, tell
from clapas.usecases.water.geopackage import UNDEFINED, Feature, Layer, packed
from clapas.usecases.water.network.cards import card_table, cards
from clapas.usecases.water.network.districts import Survey, alarm_table, read_records, survey
from clapas.usecases.water.network.model import Model
from clapas.usecases.water.network.scoring import (
    Scored,
    check_names,
    names_of,
    score_recorded,
    score_simulated,
    sensor_names,
    summary,
)
from clapas.usecases.water.network.simulate import Setting

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
    price: Annotated[
        float, typer.Option(help="Marginal price of water, for cards (€/m³).", callback=a_number)
    ] = 0.8,
    zone: Zone = "UTC",
) -> None:
    """Leaks of the network, zone by zone: one line an alarm, with the likely pipes when a model is given."""
    if layer and not inp:
        raise typer.BadParameter("candidates need a network model (--inp)", param_hint="--layer")
    check_outputs(out, cards_out, layer, inputs=[flows, levels, pressures, inp])
    records = read_records(flows, levels, pressures=pressures, zone=zone)
    for path, hours in (
        (flows, records.flows),
        (levels, records.levels),
        (pressures, records.pressures),
    ):
        tell(path or "", hours.problems if hours else ())
    model = Model(inp) if inp else None
    found = survey(records, model)
    table = alarm_table(found, records.flows)
    daily = card_table(cards(found, records.flows, zone=ZoneInfo(zone)), price)
    if layer and model:
        write_whole(layer, packed(candidate_layer(found, table, model=model)))
    if cards_out:
        write_whole(cards_out, daily.write_csv())
    write_whole(out, table.write_csv())
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
        int, typer.Option(help="Simulated scenarios (about ten seconds each).", min=0)
    ] = 2,
    *,
    seed: Annotated[int, typer.Option(help="Seed of the first scenario.", min=0)] = 21,
    sensors: Annotated[
        str,
        typer.Option(
            help="Pressure sensors: names with commas, or a file of names; none: flow only."
        ),
    ] = "",
    meters: Annotated[
        str, typer.Option(help="Links of the model that are metered: names with commas.")
    ] = ",".join(Setting().flows),
    tank: Annotated[str, typer.Option(help="The tank whose level is read.")] = Setting().tank,
    flows: Annotated[Path | None, typer.Option(help="Recorded flows, to score as well.")] = None,
    levels: Annotated[Path | None, typer.Option(help="Recorded levels.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Recorded leaks (CSV of BattLeDIM).")] = None,
    readings: Annotated[
        int,
        typer.Option(help="Simulated pressure readings an hour, each with a noise of 2 cm.", min=1),
    ] = 12,
) -> None:
    """Score the network detector on recorded leaks and on seeded scenarios of a hydraulic model."""
    if (flows is None) != (truth is None):
        raise typer.BadParameter("--flows and --truth go together", param_hint="--truth")
    if not scenarios and truth is None:
        raise typer.BadParameter(
            "nothing to score: no scenario, no truth", param_hint="--scenarios"
        )
    model = Model(inp)
    like = Setting(
        flows=names_of(meters), tank=tank, pressures=sensor_names(sensors), readings=readings
    )
    check_names(model, like)
    scored: list[Scored] = []
    settings = [msgspec.structs.replace(like, seed=seed + number) for number in range(scenarios)]
    if flows and truth:
        scored.append(
            score_recorded(
                read_records(flows, levels, pressures=None, zone="UTC"), truth, model=model
            )
        )
        if like.pressures:
            settings.append(
                msgspec.structs.replace(like, seed=seed, days=scored[0].days, given=scored[0].leaks)
            )
    for number, setting in enumerate(settings, start=1):
        typer.echo(f"period {number} of {len(settings)}…", err=True)
        scored.append(score_simulated(inp, setting, model=model))
    for line in summary(scored):
        typer.echo(line)
