"""Districts and their balance: loss = inflow − outflow − what the tank takes.

The zones come from a network model when there is one (the pieces that remain when the metered links are
cut), else from the data: a flow that makes a tank's level climb feeds that tank, the others are inlets.
"""

from typing import Protocol

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.series import Hours

FEEDER_CORRELATION = 0.8
DRAWN_CORRELATION, DRAWN_LEAST, DRAWN_MOST = 0.5, 0.7, 1.3
"""Changes from hour to hour: a flow drawn from the others rises with their sum, litre for litre."""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A district: its metered links with their sign (1 in, -1 out), its tanks with their surface (m²).

    ``inlets`` are its feeding links when there are several: the way they share the flow tells of a leak
    near one of them.
    """

    name: str
    flows: dict[str, float]
    tanks: dict[str, float] = {}
    inlets: tuple[str, ...] = ()


class ZoneSource(Protocol):
    """Anything that tells the zones of a network, such as its hydraulic model."""

    def zones(self, flows: tuple[str, ...], levels: tuple[str, ...]) -> tuple[Zone, ...]: ...


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """An hourly series in m³/h watched in a zone: its 'balance', or the 'split' between two inlets.

    ``scale`` is the flow that enters the zone, against which noises and steps are judged.
    """

    zone: str
    kind: str
    values: Floats
    scale: Floats


def guess_zones(flows: Hours, levels: Hours | None) -> tuple[Zone, ...]:
    """Zones from the data of the first two weeks alone: tanks' feeders, inlets.

    Without levels, a flow that the others give (a pump to a tank) is taken off them; what it feeds has no
    balance, since nobody knows what its tank takes.
    """
    if levels is None:
        return _without_levels(flows)
    feeders: dict[str, dict[str, float]] = {}
    for tank in levels.names:
        found = _feeder(flows, levels, tank=tank)
        if found is not None:
            feeders.setdefault(found[0], {})[tank] = found[1]
    inlets = tuple(name for name in flows.names if name not in feeders)
    fed = tuple(Zone(name=name, flows={name: 1.0}, tanks=tanks) for name, tanks in feeders.items())
    return (_main(inlets, tuple(feeders)), *fed) if inlets else fed


def _without_levels(flows: Hours) -> tuple[Zone, ...]:
    drawn = [name for name in flows.names if _is_drawn(flows, name)]
    inlets = tuple(name for name in flows.names if name not in drawn)
    return (_main(inlets, tuple(drawn)),) if inlets else (_main(flows.names, ()),)


def _main(inlets: tuple[str, ...], drawn: tuple[str, ...]) -> Zone:
    """The zone of these inlets, less what is drawn from it."""
    signs = {**dict.fromkeys(inlets, 1.0), **dict.fromkeys(drawn, -1.0)}
    name = "+".join(inlets) if len(inlets) < 4 else "inlets"
    return Zone(name=name, flows=signs, inlets=inlets if len(inlets) > 1 else ())


def _is_drawn(flows: Hours, name: str) -> bool:
    """Do the other flows together rise when this one does, and by as much?"""
    hours = min(flows.count, 14 * 24)
    own = np.diff(flows.column(name)[:hours])
    others = np.diff(np.nansum(flows.values[:hours], axis=1)) - own
    good = np.isfinite(own) & np.isfinite(others)
    own, others = own[good], others[good]
    if len(own) < 48 or np.std(own) == 0 or np.std(others) == 0:
        return False
    slope = float(own @ others / (own @ own))
    return (
        bool(np.corrcoef(own, others)[0, 1] > DRAWN_CORRELATION)
        and DRAWN_LEAST < slope < DRAWN_MOST
    )


def _feeder(flows: Hours, levels: Hours, *, tank: str) -> tuple[str, float] | None:
    """The flow that lifts this tank, and the tank's surface (m²) by least squares on changes."""
    hours = min(flows.count, levels.count, 14 * 24)
    lift = np.diff(levels.column(tank)[:hours])
    best: tuple[str, float] | None = None
    strongest = FEEDER_CORRELATION
    for name in flows.names:
        flow = flows.column(name)[: hours - 1]
        good = np.isfinite(flow) & np.isfinite(lift)
        if good.sum() < 48 or np.std(flow[good]) == 0:
            continue
        change_flow, change_lift = np.diff(flow[good]), np.diff(lift[good])
        fit = float(np.corrcoef(change_flow, change_lift)[0, 1])
        if fit > strongest:
            slope = float(change_flow @ change_lift / (change_flow @ change_flow))
            best, strongest = (name, 1.0 / slope), fit
    return best


def fitted(zone: Zone, flows: Hours, *, levels: Hours) -> Zone:
    """The zone with its tanks' surfaces as the records show them, where that is near what was given.

    A level read at an instant and a flow averaged over an hour agree better with the fitted surface.
    """
    tanks = {}
    for name, surface in zone.tanks.items():
        found = _feeder(flows, levels, tank=name)
        near = found is not None and found[0] in zone.flows and abs(found[1] / surface - 1.0) < 0.2
        tanks[name] = found[1] if found is not None and near else surface
    return msgspec.structs.replace(zone, tanks=tanks)


def signals(zones: tuple[Zone, ...], flows: Hours, *, levels: Hours | None) -> list[Signal]:
    """The balance of each zone, and the split of its inlets when it has several."""
    found = []
    for zone in zones:
        total = sum(sign * flows.column(name) for name, sign in zone.flows.items())
        balance = np.asarray(total, dtype=np.float64)
        if levels is not None:
            for tank, surface in zone.tanks.items():
                balance = balance - surface * _rise(levels.column(tank), flows.count)
        found.append(Signal(zone=zone.name, kind="balance", values=balance, scale=balance))
        for first, second in zip(zone.inlets, zone.inlets[1:], strict=False):
            split = flows.column(second) - flows.column(first)
            found.append(Signal(zone=zone.name, kind="split", values=split, scale=balance))
    return found


def _rise(level: Floats, count: int) -> Floats:
    """Rise of the level during each hour (m), smoothed over three hours against its resolution."""
    padded = np.full(count + 1, np.nan)
    padded[: min(count + 1, len(level))] = level[: count + 1]
    rise = np.diff(padded)
    if np.isnan(rise[-1]):
        rise[-1] = 0.0
    return rise
