"""What ``clapas water evaluate network`` does: the detector scored on recorded leaks and on seeded scenarios."""

from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import msgspec
import numpy as np
import typer

from clapas.usecases.tables import read_text
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.cells import read_text_table
from clapas.usecases.water.network.districts import Records, Survey, survey
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

HEAD_M = 45.0
TRUTH = ("Leak Pipe", "Leak Diameter", "Leak Start", "Leak End", "Peak Time")


def score_recorded(records: Records, truth: Path, *, model: Model) -> "Scored":
    leaks = read_truth(truth, records)
    _check_links(model, [leak.pipe for leak in leaks])
    found = survey(records, model)
    return _report("recorded", found, leaks=leaks, model=model, records=records)


def score_simulated(inp: Path, setting: Setting, *, model: Model) -> "Scored":
    scenario = simulate(inp, setting)
    records = recorded(scenario, with_pressures=bool(setting.pressures))
    title = "recorded leaks played again" if setting.given else f"scenario {setting.seed}"
    title += f", {len(setting.pressures)} pressures" if setting.pressures else ", flow only"
    found = survey(records, model)
    return _report(title, found, leaks=scenario.leaks, model=model, records=records)


def check_names(model: Model, setting: Setting) -> None:
    """Refuse names that the model does not know. Raises BadTable."""
    _check_links(model, list(setting.flows))
    network = model.network
    for what, name, known in (
        ("tank", setting.tank, network.tank_name_list),
        *(("junction", each, network.junction_name_list) for each in setting.pressures),
    ):
        if name not in known:
            raise BadTable(f"{model.path}: the model has no {what} {name!r}", name=name)


def _check_links(model: Model, names: list[str]) -> None:
    known = set(model.network.link_name_list)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadTable(
            f"{model.path}: the model has no link {', '.join(unknown)} (--meters names the metered ones)"
        )


def names_of(said: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in said.split(",") if name.strip())


def sensor_names(said: str) -> tuple[str, ...]:
    """Names with commas, or those of a file: one a line, or the list ``pressure_sensors`` of BattLeDIM. Raises BadTable."""
    path = Path(said)
    if not said or not (path.is_file() or path.suffix):
        return names_of(said)
    lines = [line.strip() for line in read_text(path).splitlines()]
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
    days: int


def flow_at(leak: Leak, delay: float) -> float:
    """Flow (m³/h) of a leak so many days after its start; its peak when it was never told."""
    grown = 24.0 * delay / max(leak.peak - leak.start, 1.0)
    return leak.flow * min(grown, 1.0)


def recorded(scenario: Scenario, *, with_pressures: bool) -> Records:
    """A scenario as the supervision would have recorded it."""
    pressures = scenario.pressures if with_pressures else None
    return Records(flows=scenario.flows, levels=scenario.levels, pressures=pressures)


def read_truth(path: Path, records: Records) -> tuple[Leak, ...]:
    """Leaks that started within the records, hours counted from their start. Raises BadTable."""
    table = read_text_table(path)
    missing = [name for name in TRUTH if name not in table.columns]
    if missing:
        raise BadTable(f"{path}: columns {missing} are missing", path=str(path))
    leaks = []
    for line, row in enumerate(table.iter_rows(named=True), start=2):
        try:
            leak = _leak_of(row, start=records.flows.start)
        except (TypeError, ValueError, AttributeError) as error:
            raise BadTable(f"{path}: line {line}: {error}", line=line) from error
        if 0 <= leak.start < records.flows.count:
            leaks.append(leak)
    return tuple(sorted(leaks, key=lambda each: each.start))


def _leak_of(row: dict[str, str], *, start: float) -> Leak:
    """One line of the truth. Raises ValueError, or TypeError for an empty cell."""

    def hours(text: str) -> float:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
        return (moment.timestamp() - start) / 3600.0

    diameter = float(row["Leak Diameter"].replace(",", "."))
    area = np.pi * diameter**2 / 4
    return Leak(
        pipe=row["Leak Pipe"].strip(),
        diameter=diameter,
        start=hours(row["Leak Start"]),
        peak=hours(row["Peak Time"]),
        end=hours(row["Leak End"]),
        flow=float(ORIFICE * area * np.sqrt(2 * GRAVITY * HEAD_M) * 3600),
    )


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
    return Scored(outcome=outcome, leaks=leaks, score=score, days=records.flows.count // 24)


def summary(scored: list[Scored]) -> list[str]:
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
