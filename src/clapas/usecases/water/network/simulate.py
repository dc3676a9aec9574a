"""Seeded leak scenarios on a hydraulic model (EPANET by WNTR): a truth that nobody has tuned on.

The model's weekly demands are repeated with a seeded season, days and hours; each leak is an orifice,
q = 0.75 · A · √(2 g p), whose area opens at once or grows to its peak. Meters and levels get their noise
and resolution. Needs the extra ``water`` (wntr).
"""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.series import Hours

ORIFICE = 0.75
GRAVITY = 9.81
DAY_H = 24
PRESSURE_NOISE_M = 0.02


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """A leak of the truth: pipe, diameter (m), hours of start, peak and end, greatest flow (m³/h)."""

    pipe: str
    diameter: float
    start: float
    peak: float
    end: float
    flow: float = 0.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervision would have recorded, and the truth."""

    flows: Hours
    levels: Hours
    pressures: Hours
    leaks: tuple[Leak, ...]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Size of a scenario: days, leaks, the sensors' names, its seed."""

    days: int = 100
    leaks: int = 5
    seed: int = 1
    flows: tuple[str, ...] = ("p227", "p235", "PUMP_1")
    tank: str = "T1"
    pressures: tuple[str, ...] = ()
    readings: int = 12
    """Pressure readings an hour: the contest's supervision reads every five minutes."""
    given: tuple[Leak, ...] = ()
    """Leaks to play instead of drawing them."""


def simulate(model: Path, setting: Setting) -> Scenario:
    """Simulate one scenario at hourly steps; about three seconds for three months of L-Town."""
    import wntr

    network: Any = wntr.network.WaterNetworkModel(str(model))
    random = np.random.default_rng(setting.seed)
    hours = setting.days * DAY_H
    _prepare(network, hours, random=random)
    leaks = list(setting.given) or _draw(network, setting, hours=hours, random=random)
    with tempfile.TemporaryDirectory() as folder:
        still = _run(wntr, network, prefix=Path(folder) / "still")
    opened = tuple(_open(network, leak, still=still, hours=hours) for leak in leaks)
    with tempfile.TemporaryDirectory() as folder:
        results = _run(wntr, network, prefix=Path(folder) / "leaky")
    return _recorded(results, network, setting=setting, leaks=opened, random=random)


def _run(wntr: Any, network: Any, *, prefix: Path) -> Any:
    # EPANET writes a scratch file where it runs, and leaves it there when it is killed.
    with contextlib.chdir(prefix.parent):
        return wntr.sim.EpanetSimulator(network).run_sim(file_prefix=str(prefix))


def _prepare(network: Any, hours: int, *, random: np.random.Generator) -> None:
    """Hourly steps for the whole period; demands with a season, days and hours of their own."""
    options = network.options.time
    step = int(options.pattern_timestep)
    options.duration = (hours - 1) * 3600
    options.hydraulic_timestep = options.report_timestep = options.pattern_timestep = 3600
    options.quality_timestep = 3600
    phase = random.uniform(0, 2 * np.pi)
    day = np.arange(hours) / DAY_H
    season = 1.0 + 0.06 * np.sin(2 * np.pi * day / 365 + phase)
    daily = np.repeat(random.normal(1.0, 0.008, hours // DAY_H + 1), DAY_H)[:hours]
    for _, pattern in network.patterns():
        week = np.asarray(pattern.multipliers)
        if len(week) <= 1:
            continue
        per_hour = max(1, 3600 // step)
        week = week[: len(week) // per_hour * per_hour].reshape(-1, per_hour).mean(axis=1)
        own = np.resize(week, hours) * season * daily * random.normal(1.0, 0.02, hours)
        pattern.multipliers = own


def _draw(network: Any, setting: Setting, *, hours: int, random: np.random.Generator) -> list[Leak]:
    """Leaks of 8.5 to 20 mm on pipes chosen at random, from the fifteenth day on, repaired after weeks."""
    pipes = [name for name in network.pipe_name_list if name not in setting.flows]
    starts = np.sort(random.uniform(15 * DAY_H, hours - 12 * DAY_H, setting.leaks))
    leaks = []
    for start in starts:
        incipient = random.random() < 0.5
        peak = start + (random.uniform(5, 45) * DAY_H if incipient else 0.0)
        end = start + random.uniform(20, 70) * DAY_H
        diameter = random.uniform(0.0085, 0.020)
        pipe = str(random.choice(pipes))
        leaks.append(Leak(pipe=pipe, diameter=diameter, start=start, peak=peak, end=max(end, peak)))
    return leaks


def _open(network: Any, leak: Leak, *, still: Any, hours: int) -> Leak:
    """Put the leak in the model as a demand that follows the undisturbed pressure; tell its flow."""
    link = network.get_link(leak.pipe)
    ends = (link.start_node_name, link.end_node_name)
    node = next(each for each in ends if each in network.junction_name_list)
    pressure = np.maximum(still.node["pressure"][node].to_numpy()[:hours], 0.0)
    hour = np.arange(len(pressure))
    grown = np.clip((hour - leak.start) / max(leak.peak - leak.start, 1.0), 0.0, 1.0)
    area = (
        np.pi
        * leak.diameter**2
        / 4
        * np.where((hour >= leak.start) & (hour < leak.end), grown, 0.0)
    )
    flow = ORIFICE * area * np.sqrt(2 * GRAVITY * pressure)
    name = f"leak-{leak.pipe}-{leak.start:.0f}"
    network.add_pattern(name, flow * 1000.0)
    network.get_node(node).add_demand(0.001, name, category="leak")
    return msgspec.structs.replace(leak, flow=float(flow.max() * 3600))


def _recorded(
    results: Any,
    network: Any,
    *,
    setting: Setting,
    leaks: tuple[Leak, ...],
    random: np.random.Generator,
) -> Scenario:
    """Sensors' noise and resolution: 0.5 % on flows, a centimetre on levels.

    A pressure is the mean of an hour's readings, each with a noise of two centimetres, written to the centimetre.
    """
    flow = np.abs(results.link["flowrate"][list(setting.flows)].to_numpy()) * 3600.0
    level = results.node["pressure"][[setting.tank]].to_numpy()
    flow = _over_the_hour(flow, level[:, 0], results=results, network=network, setting=setting)
    flow *= random.normal(1.0, 0.005, flow.shape)
    level = np.round(level, 2)
    pressure = results.node["pressure"][list(setting.pressures)].to_numpy()
    read = [
        np.round(pressure + random.normal(0, PRESSURE_NOISE_M, pressure.shape), 2)
        for _ in range(setting.readings)
    ]
    pressure = np.mean(read, axis=0)

    def hourly(names: tuple[str, ...], values: Floats) -> Hours:
        return Hours(names=names, start=0.0, values=values.astype(np.float64), local=False)

    return Scenario(
        flows=hourly(setting.flows, flow),
        levels=hourly((setting.tank,), level),
        pressures=hourly(setting.pressures, pressure),
        leaks=leaks,
    )


def _over_the_hour(
    flow: Floats, level: Floats, *, results: Any, network: Any, setting: Setting
) -> Floats:
    """Instants become hourly means: the pump starts and stops within the hour, the tank's level says how long.

    The inlets give what the pump takes, in equal shares.
    """
    tank = network.get_node(setting.tank)
    pumps = [name for name in tank_feeders(network, setting.tank) if name in setting.flows]
    if not pumps:
        return flow
    pump = setting.flows.index(pumps[0])
    taken = results.node["demand"][setting.tank].to_numpy() * 3600.0
    given = flow[:, pump] - taken
    given = (given + np.append(given[1:], given[-1])) / 2
    rise = np.diff(level, append=level[-1]) * np.pi * tank.diameter**2 / 4
    mean = np.maximum(given + rise, 0.0)
    inlets = [n for n in range(flow.shape[1]) if n != pump]
    changed = flow.copy()
    changed[:, inlets] += ((mean - flow[:, pump]) / len(inlets))[:, None]
    changed[:, pump] = mean
    return changed


def tank_feeders(network: Any, tank: str) -> list[str]:
    """Pumps that lift water into this tank."""
    return [name for name, pump in network.pumps() if pump.end_node_name == tank]
