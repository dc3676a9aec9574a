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
LEAST_HEARD = 0.7
"""Share of the sensors that must be heard for an hour to count."""


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


def covariance_of(missing: Floats, *, shrink: float, least_cm: float) -> Floats | None:
    """How the sensors' ordinary shortfalls go together (cm²); None when too few hours were heard of all at once.

    ``shrink`` is the share of the covariance that is taken for each sensor's own noise; no sensor is taken for
    better than ``least_cm``.
    """
    known = missing[np.isfinite(missing).all(axis=1)]
    if len(known) < LEAST_TRAIN_HOURS:
        return None
    covariance = np.atleast_2d(np.cov(known.T))
    own = np.diag(np.diag(covariance))
    mixed: Floats = (1 - shrink) * covariance + shrink * own + np.eye(len(own)) * least_cm**2
    return mixed


def whitener_of(covariance: Floats | None, *, sensors: int) -> Floats:
    """Matrix that makes shortfalls independent and of unit variance; zeros when nothing is known of them."""
    if covariance is None:
        return np.zeros((sensors, sensors))
    values, vectors = np.linalg.eigh(covariance)
    whitener: Floats = vectors @ np.diag(1.0 / np.sqrt(values)) @ vectors.T
    return whitener


def filled(missing: Floats, covariance: Floats | None) -> Floats:
    """Hours of which most sensors were heard, with what the others say of those that were not.

    A dead sensor must not silence the field: its shortfall is the mean of a normal law, given the others.
    """
    found = missing.copy()
    gaps = ~np.isfinite(missing)
    if covariance is None or not gaps.any():
        return found
    kinds, which = np.unique(gaps, axis=0, return_inverse=True)
    for number, gap in enumerate(kinds):
        if not gap.any() or gap.mean() > 1 - LEAST_HEARD:
            continue
        rows = np.flatnonzero(which.ravel() == number)
        weights = np.linalg.solve(covariance[np.ix_(~gap, ~gap)], covariance[np.ix_(~gap, gap)])
        found[np.ix_(rows, gap)] = missing[np.ix_(rows, ~gap)] @ weights
    return found
