"""Pressures as signals: what each sensor reads below what the flows explain.

Each pressure is regressed on the square of the flows that enter each zone and on the tanks' levels, over
the first two weeks; the shortfall (cm) is then watched like a flow. Demand moves all sensors together; a
leak bends the field near itself.
"""

import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.balance import Signal
from clapas.usecases.water.network.series import Hours

TRAIN_HOURS = 14 * 24
CENTIMETRES = 100.0
SCALE = 4.0


def pressure_signals(
    pressures: Hours, flows: Hours, levels: Hours | None, zone: str
) -> list[Signal]:
    """One signal per sensor, in centimetres of water missing."""
    features = _features(flows, levels)
    count = min(len(features), pressures.count)
    features = features[:count]
    found = []
    for number, name in enumerate(pressures.names):
        read = pressures.values[:count, number]
        train = slice(0, min(TRAIN_HOURS, count))
        good = np.isfinite(features[train]).all(axis=1) & np.isfinite(read[train])
        if good.sum() < 5 * 24:
            continue
        weights, *_ = np.linalg.lstsq(features[train][good], read[train][good], rcond=None)
        missing: Floats = CENTIMETRES * (features @ weights - read)
        found.append(
            Signal(zone=zone, kind=f"pressure {name}", values=missing, scale=np.full(count, SCALE))
        )
    return found


def _features(flows: Hours, levels: Hours | None) -> Floats:
    squares = flows.values**2
    columns = [np.ones(flows.count), *squares.T, *flows.values.T]
    if levels is not None:
        padded = np.full((flows.count, len(levels.names)), np.nan)
        rows = min(flows.count, levels.count)
        padded[:rows] = levels.values[:rows]
        columns += list(padded.T)
    stacked: Floats = np.stack(columns, axis=1)
    return stacked
