"""What the flows explain of each pressure, learned over the first two weeks, and what a leak leaves unexplained.

A leak lowers the pressures and raises the flows: a part of its fall is what so much flow does ordinarily. Only the
rest is to be seen in the shortfalls, and it is with this rest that they must be compared.
"""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.series import Hours

TRAIN_HOURS = 14 * 24
LEAST_TRAIN_HOURS = 5 * 24
CENTIMETRES = 100.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a leak of 1 m³/h at each junction (a row) changes: the flows (m³/h), and falls of the sensors (cm)."""

    flows: Floats
    falls: Floats


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What each sensor reads below what the flows explain (cm, one row an hour), and by which weights."""

    missing: Floats
    weights: Floats
    mean_flows: Floats

    def left_of(self, trial: Trial) -> Floats:
        """What is left of the falls of each junction's leak (cm), the flow that it draws being explained too."""
        count = len(self.mean_flows)
        slope = 2 * self.mean_flows[:, None] * self.weights[1 : count + 1]
        slope += self.weights[count + 1 : 2 * count + 1]
        left: Floats = trial.falls + trial.flows @ slope
        return left


def explain(pressures: Hours, flows: Hours, *, levels: Hours | None) -> Explained:
    """Regress each pressure on the flows over the first two weeks."""
    features = _features(flows, levels)
    count = min(len(features), pressures.count)
    features, read = features[:count], pressures.values[:count]
    missing = np.full(read.shape, np.nan)
    found = np.zeros((features.shape[1], read.shape[1]))
    train = slice(0, min(TRAIN_HOURS, count))
    for number in range(read.shape[1]):
        good = np.isfinite(features[train]).all(axis=1) & np.isfinite(read[train, number])
        if good.sum() < LEAST_TRAIN_HOURS:
            missing[:, number] = 0.0
            continue
        weights, *_ = np.linalg.lstsq(features[train][good], read[train, number][good], rcond=None)
        found[:, number] = CENTIMETRES * weights
        missing[:, number] = CENTIMETRES * (features @ weights - read[:, number])
    mean = np.nan_to_num(np.nanmean(flows.values[train], axis=0))
    return Explained(missing=missing, weights=found, mean_flows=mean)


def _features(flows: Hours, levels: Hours | None) -> Floats:
    columns = [np.ones(flows.count), *(flows.values**2).T, *flows.values.T]
    if levels is not None:
        padded = np.full((flows.count, len(levels.names)), np.nan)
        rows = min(flows.count, levels.count)
        padded[:rows] = levels.values[:rows]
        columns += list(padded.T)
    stacked: Floats = np.stack(columns, axis=1)
    return stacked


def whitener_of(missing: Floats, *, shrink: float, least_cm: float) -> Floats:
    """Matrix that makes the sensors' ordinary shortfalls independent and of unit variance.

    ``shrink`` is the share of the covariance that is taken for each sensor's own noise; no sensor is taken for
    better than ``least_cm``.
    """
    good = np.isfinite(missing).all(axis=1)
    known = missing[good]
    if len(known) < LEAST_TRAIN_HOURS:
        return np.zeros((missing.shape[1], missing.shape[1]))
    covariance = np.atleast_2d(np.cov(known.T))
    own = np.diag(np.diag(covariance))
    mixed = (1 - shrink) * covariance + shrink * own + np.eye(len(own)) * least_cm**2
    values, vectors = np.linalg.eigh(mixed)
    whitener: Floats = vectors @ np.diag(1.0 / np.sqrt(values)) @ vectors.T
    return whitener
